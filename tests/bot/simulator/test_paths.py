"""Made-up hours and minutes: possible candles, minutes that add up to their hour, an edge only where it is planted."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.simulator.market.generated import DEMO_START_MS, GeneratedMarket
from bot.simulator.market.instruments import some_symbols
from bot.simulator.market.paths import MEMORY_HOURS, STATE, split_hours, walk_hours, walk_volatility
from bot.simulator.market.source import Instrument
from bot.simulator.market.walks import cached_blocks, draws
from bot.simulator.protocol.frames import combined_frame, exchange_info, kline_frame, kline_row, mark_frame
from strategies.market import HOUR_MS

SEEDS = st.integers(0, 999)


def hours_of(seed: int, count: int, *, edge: float = 0.0, state: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    common = walk_volatility(np.zeros(2), rng.normal(size=(count, 2)))
    return walk_hours(
        np.zeros(STATE) if state is None else state,
        *(rng.standard_t(6, count) * 0.8, common, rng.standard_t(6, count) * 0.8, rng.normal(size=count)),
        *(rng.uniform(1e-6, 1, (count, 2)), rng.normal(size=count)),
        *(0.006, 0.6, edge, 1_000_000.0, 50_000.0),
    )


@settings(max_examples=40)
@given(seed=SEEDS, count=st.integers(1, 300))
def test_every_hour_is_a_possible_candle_and_opens_where_the_last_one_closed(seed: int, count: int) -> None:
    bars, deviations, _ = hours_of(seed, count)
    opened, high, low, close, lots = bars.T
    assert (low >= 1).all()
    assert (lots >= 60).all()
    assert (low <= np.minimum(opened, close)).all()
    assert (high >= np.maximum(opened, close)).all()
    assert (opened[1:] == close[:-1]).all()
    assert (deviations > 0).all()


@settings(max_examples=40)
@given(seed=SEEDS)
def test_a_walk_goes_on_where_it_stood(seed: int) -> None:
    whole = np.zeros(STATE)
    bars, *_ = hours_of(seed, 200, state=whole)
    assert whole[MEMORY_HOURS - 1] == pytest.approx(np.log(bars[-1, 3] / 1e6), abs=2e-6)
    assert len(np.unique(whole[:MEMORY_HOURS])) > MEMORY_HOURS // 2


def test_a_planted_edge_pays_for_following_the_last_day_and_a_fair_walk_does_not() -> None:
    def correlation(edge: float) -> float:
        bars, deviations, _ = hours_of(5, 60_000, edge=edge)
        log = np.log(bars[:, 3].astype(np.float64))
        momentum = (log[24:-1] - log[:-25]) / (deviations[25:] * np.sqrt(24))
        return float(np.corrcoef(np.tanh(2 * momentum), np.diff(log)[24:] / deviations[25:])[0, 1])

    assert abs(correlation(0.0)) < 0.02
    assert correlation(0.12) > 0.06


@settings(max_examples=40)
@given(seed=SEEDS, count=st.integers(1, 20))
def test_sixty_minutes_are_their_hour_to_the_last_lot(seed: int, count: int) -> None:
    hours, deviations, _ = hours_of(seed, count)
    rng = np.random.default_rng(seed)
    minutes = split_hours(
        *(hours, deviations, rng.normal(size=(count, 60))),
        *(rng.gamma(2, 1, (count, 60)) + 1e-3, np.abs(rng.normal(size=(count, 60, 2)))),
    ).reshape(count, 60, 5)
    assert (minutes[:, 0, 0] == hours[:, 0]).all()
    assert (minutes[:, :, 1].max(1) == hours[:, 1]).all()
    assert (minutes[:, :, 2].min(1) == hours[:, 2]).all()
    assert (minutes[:, -1, 3] == hours[:, 3]).all()
    assert (minutes[:, :, 4].sum(1) == hours[:, 4]).all()
    assert (minutes[:, 1:, 0] == minutes[:, :-1, 3]).all()
    assert (minutes[:, :, 4] >= 0).all()
    assert (minutes[:, :, 2] <= minutes[:, :, [0, 3]].min(2)).all()
    assert (minutes[:, :, 1] >= minutes[:, :, [0, 3]].max(2)).all()


def test_blocks_are_drawn_by_their_own_name_and_number_alone() -> None:
    first = draws(7, "BTCUSDT", 3).normal(size=4)
    draws(7, "ETHUSDT", 3).normal(size=100)
    assert np.array_equal(draws(7, "BTCUSDT", 3).normal(size=4), first)
    others = [draws(8, "BTCUSDT", 3), draws(7, "ETHUSDT", 3), draws(7, "BTCUSDT", 4)]
    assert not any(np.array_equal(other.normal(size=4), first) for other in others)
    assert [cached_blocks(walks) for walks in (0, 1, 8, 64, 10_000)] == [64, 64, 64, 8, 3]


@cache
def first_instrument() -> Instrument:
    market = GeneratedMarket(7, some_symbols(1), 0.0, DEMO_START_MS)
    return next(iter(market.instruments.values()))


@given(close=st.integers(1, 10**7), spread=st.integers(0, 500), lots=st.integers(0, 10**6), closed=st.booleans())
def test_frames_and_rows_print_one_candle_alike_and_on_its_grid(
    close: int, spread: int, lots: int, closed: bool
) -> None:
    instrument = first_instrument()
    market = instrument.market
    low, high = max(1, close - spread), close + spread
    candle = np.array(
        [DEMO_START_MS, *(np.array([close, high, low, close]) * float(market.tick)), lots * float(market.lot)]
    )
    frame = json.loads(kline_frame(instrument, "1h", HOUR_MS, candle, DEMO_START_MS + 5, closed))
    row, kline = kline_row(instrument, HOUR_MS, candle), frame["k"]
    assert [kline[name] for name in ("t", "o", "h", "l", "c", "v", "T", "q", "n", "V", "Q")] == row[:11]
    assert (kline["x"], kline["s"], frame["E"]) == (closed, market.symbol, DEMO_START_MS + 5)
    ticks = [float(kline[name]) / float(market.tick) for name in "olhc"]
    assert ticks == pytest.approx(np.round(ticks), abs=1e-6)
    assert (kline["n"] == 0) == (float(kline["v"]) == 0)
    assert json.loads(combined_frame("a@b", json.dumps(frame))) == {"stream": "a@b", "data": frame}
    assert json.loads(mark_frame(instrument, 1.5, -0.0001, 9, 8))["r"] == "-0.00010000"
    [listed] = exchange_info([instrument], 1)["symbols"]
    assert listed["filters"][0]["tickSize"] == f"{market.tick:f}"
