"""Coarser candles of finer ones: the bits of the live engine, and what is stored goes first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from storage.candles.market_book import record_markets
from storage.candles.resampled import market_in_store, read_any, span_of_any
from storage.candles.rows import Source
from storage.candles.store import CandleStore
from strategies.errors import DataGap
from strategies.history import CandleHistory
from strategies.market import HOUR_MS, MINUTE_MS, OPEN_MS, CandleArray, Timeframe
from tests.training.run_builders import MARKETS, START_MS, histories, minutes

MARKET = MARKETS[0]
HOURS = 30


def live(candles: CandleArray, timeframe: Timeframe) -> CandleArray:
    """Return what the live engine makes of minutes."""
    history = CandleHistory(MARKET, timeframe, np.empty((0, 6)))
    for row, bar in zip(candles, MARKET.bars(candles), strict=True):
        history.add_minute(int(row[OPEN_MS]), bar)
    return history.candles.copy()


@pytest.fixture
def fine() -> CandleArray:
    return minutes(histories(), HOURS)[0]


@pytest.fixture
def store(tmp_path: Path, fine: CandleArray) -> CandleStore:
    store = CandleStore(tmp_path)
    record_markets(tmp_path, MARKETS)
    store.append(MARKET.exchange, MARKET.symbol, "1m", "futures", fine)
    return store


@pytest.mark.parametrize("timeframe", [Timeframe.M5, Timeframe.M15, Timeframe.H1, Timeframe.H4, Timeframe.D1])
def test_minutes_make_every_timeframe_with_the_bits_of_the_live_engine(
    store: CandleStore, fine: CandleArray, timeframe: Timeframe
) -> None:
    made = read_any(store, MARKET, timeframe)
    assert np.array_equal(made.candles, live(fine, timeframe))
    assert len(made.candles) == HOURS * HOUR_MS // timeframe.ms


def test_holes_are_closed_as_the_live_engine_closes_them(tmp_path: Path, fine: CandleArray) -> None:
    holed = np.delete(fine, np.r_[50:75, 200:330], axis=0)
    store = CandleStore(tmp_path)
    record_markets(tmp_path, MARKETS)
    store.append(MARKET.exchange, MARKET.symbol, "1m", "futures", holed)
    assert np.array_equal(read_any(store, MARKET, Timeframe.H1).candles, live(holed, Timeframe.H1))


def test_a_first_candle_that_begins_in_its_middle_is_left_out(tmp_path: Path, fine: CandleArray) -> None:
    store = CandleStore(tmp_path)
    record_markets(tmp_path, MARKETS)
    store.append(MARKET.exchange, MARKET.symbol, "1m", "futures", fine[10:])
    made = read_any(store, MARKET, Timeframe.H1)
    assert made.open_ms[0] == START_MS + HOUR_MS
    assert np.array_equal(made.candles, live(fine, Timeframe.H1)[1:])


def test_what_is_stored_goes_first_and_made_ones_bear_their_source(store: CandleStore, fine: CandleArray) -> None:
    own = live(fine, Timeframe.H1)[:3].copy()
    own[:, 5] += 1.0
    store.append(MARKET.exchange, MARKET.symbol, "1h", "futures", own, Source.BACKFILLED)
    found = read_any(store, MARKET, Timeframe.H1)
    assert np.array_equal(found.candles[:3], own)
    assert found.source.tolist() == [Source.BACKFILLED] * 3 + [Source.REAL] * (HOURS - 3)
    part = read_any(store, MARKET, Timeframe.H1, START_MS + 2 * HOUR_MS, START_MS + 5 * HOUR_MS)
    assert np.array_equal(part.candles, found.candles[2:5])


def test_the_span_reaches_over_what_can_be_made(store: CandleStore) -> None:
    span = span_of_any(store, MARKET, Timeframe.H4)
    assert (span.rows, span.first_ms, span.last_ms) == (7, START_MS, START_MS + 24 * HOUR_MS)
    assert span_of_any(store, MARKETS[1], Timeframe.H4).rows == 0


def test_a_market_without_a_specification_is_inferred_from_its_minutes(tmp_path: Path, fine: CandleArray) -> None:
    store = CandleStore(tmp_path)
    store.append(MARKET.exchange, MARKET.symbol, "1m", "futures", fine)
    market, is_recorded = market_in_store(store, MARKET.exchange, MARKET.symbol, "futures")
    assert (market.tick, market.lot, is_recorded) == (MARKET.tick, MARKET.lot, False)
    with pytest.raises(DataGap, match="neither a specification nor candles"):
        market_in_store(store, MARKET.exchange, "NOPEUSDT", "futures")


def test_minutes_are_not_made_of_anything(store: CandleStore, fine: CandleArray) -> None:
    assert np.array_equal(read_any(store, MARKET, Timeframe.M1).candles, fine)
    assert fine[1, OPEN_MS] - fine[0, OPEN_MS] == MINUTE_MS
