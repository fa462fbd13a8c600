"""The generated market is a function of seed and time, lies on its grid, and adds up."""

from __future__ import annotations

import numpy as np
import pytest

from bot.simulator.market.generated import DEMO_START_MS, GeneratedMarket
from bot.simulator.market.instruments import some_symbols
from bot.simulator.market.source import aggregate
from bot.simulator.market.walks import BLOCK_MS
from strategies.errors import BadInput
from strategies.market import CLOSE, DAY_MS, HIGH, HOUR_MS, LOW, OPEN, OPEN_MS, VOLUME

YEAR_MS = 365 * DAY_MS


def test_candles_are_the_same_whatever_was_asked_before() -> None:
    forward, backward = GeneratedMarket(seed=3, edge=0.05), GeneratedMarket(seed=3, edge=0.05)
    moments = [DEMO_START_MS - YEAR_MS, DEMO_START_MS, DEMO_START_MS + YEAR_MS]
    seen = {ms: forward.minutes("ETHUSDT", ms, ms + HOUR_MS) for ms in moments}
    hours = forward.hours("ETHUSDT", DEMO_START_MS - DAY_MS, DEMO_START_MS + DAY_MS)
    for ms in reversed(moments):
        assert np.array_equal(backward.minutes("ETHUSDT", ms, ms + HOUR_MS), seen[ms])
    assert np.array_equal(backward.hours("ETHUSDT", DEMO_START_MS, DEMO_START_MS + DAY_MS), hours[24:])


def test_a_market_is_the_same_in_whatever_company() -> None:
    alone, among = GeneratedMarket(symbols=["SOLUSDT"]), GeneratedMarket(symbols=some_symbols(12))
    day = (DEMO_START_MS, DEMO_START_MS + DAY_MS)
    assert np.array_equal(alone.minutes("SOLUSDT", *day), among.minutes("SOLUSDT", *day))


def test_another_seed_is_another_market() -> None:
    first, second = (
        GeneratedMarket(seed=seed).hours("BTCUSDT", DEMO_START_MS, DEMO_START_MS + DAY_MS) for seed in (1, 2)
    )
    assert not np.array_equal(first[:, CLOSE], second[:, CLOSE])


@pytest.mark.parametrize("symbol", ["BTCUSDT", "SOLUSDT", "DOGEUSDT"])
def test_hours_are_exactly_the_sum_of_their_minutes(symbol: str) -> None:
    market = GeneratedMarket(symbols=[symbol])
    instrument = market.instruments[symbol]
    border = (DEMO_START_MS // BLOCK_MS) * BLOCK_MS  # blocks of hours and days of minutes do not meet
    start, end = border - 3 * DAY_MS, border + 3 * DAY_MS
    start -= start % HOUR_MS
    minutes, hours = market.minutes(symbol, start, end), market.hours(symbol, start, end)
    assert len(minutes) == 60 * len(hours)
    assert np.array_equal(aggregate(minutes, HOUR_MS, instrument.quantity_decimals), hours)


def test_candles_are_contiguous_on_the_grid_and_well_formed() -> None:
    market = GeneratedMarket()
    for symbol, instrument in market.instruments.items():
        minutes = market.minutes(symbol, DEMO_START_MS, DEMO_START_MS + 5 * DAY_MS)
        assert np.array_equal(minutes[:, OPEN_MS], DEMO_START_MS + 60_000 * np.arange(5 * 1440))
        assert np.array_equal(minutes[1:, OPEN], minutes[:-1, CLOSE])
        assert np.all(minutes[:, HIGH] >= minutes[:, [OPEN, CLOSE]].max(1))
        assert np.all(minutes[:, LOW] <= minutes[:, [OPEN, CLOSE]].min(1))
        assert np.all(minutes[:, VOLUME] >= 0)
        bars = instrument.market.bars(minutes)
        assert np.array_equal(instrument.market.candles(minutes[:, OPEN_MS], bars), minutes)


def test_returns_are_fat_tailed_clustered_and_correlated() -> None:
    market = GeneratedMarket()
    closes = np.log(
        [market.hours(symbol, DEMO_START_MS - 3 * YEAR_MS, DEMO_START_MS)[:, CLOSE] for symbol in market.instruments]
    )
    returns = np.diff(closes)
    btc = returns[0]
    assert 0.35 < btc.std() * np.sqrt(8760) < 0.75
    assert (btc**4).mean() / (btc**2).mean() ** 2 > 6
    size = np.abs(btc)
    assert np.corrcoef(size[24:], size[:-24])[0, 1] > 0.05
    assert np.corrcoef(returns[0], returns[1])[0, 1] > 0.5


def test_planted_edge_is_there_and_none_is_not() -> None:
    """Correlation of the 24 h momentum's sign with the next 12 h, in standard errors of about 1/sqrt(n / 12)."""

    def strength(edge: float) -> float:
        market = GeneratedMarket(seed=11, symbols=["BTCUSDT"], edge=edge)
        closes = np.log(market.hours("BTCUSDT", 0, DEMO_START_MS + 2 * YEAR_MS)[:, CLOSE])
        side, ahead = np.sign(closes[24:-12] - closes[:-36]), closes[36:] - closes[24:-12]
        return float(np.corrcoef(side, ahead)[0, 1] * np.sqrt(len(side) / 12))

    assert strength(0.06) > 4
    assert abs(strength(0.0)) < 3
    assert "planted 0.06" in GeneratedMarket(edge=0.06).description.edge
    assert GeneratedMarket().description.edge == "none"


def test_prices_stay_in_reach_for_decades() -> None:
    hours = GeneratedMarket(edge=0.06).hours("BTCUSDT", 0, DEMO_START_MS + 20 * YEAR_MS)
    assert 2_000 < hours[:, LOW].min() < hours[:, HIGH].max() < 2_000_000


def test_funding_settles_every_eight_hours_from_the_listing_on() -> None:
    market = GeneratedMarket()
    listed = market.instruments["SOLUSDT"].onboard_ms
    times, rates = market.funding("SOLUSDT", 0, listed + 30 * DAY_MS)
    assert times[0] >= listed
    assert set(np.diff(times)) == {8 * HOUR_MS}
    assert np.all(np.abs(rates) <= 3e-3)
    assert np.array_equal(np.round(rates, 8), rates)


def test_nothing_is_shown_before_listing_or_wanted_history() -> None:
    market = GeneratedMarket(history_days=30)
    assert market.hours("BTCUSDT", 0, DEMO_START_MS)[0, OPEN_MS] == DEMO_START_MS - 30 * DAY_MS
    whole = GeneratedMarket()
    assert (
        whole.minutes("SOLUSDT", 0, whole.instruments["SOLUSDT"].onboard_ms + DAY_MS)[0, OPEN_MS]
        == whole.instruments["SOLUSDT"].onboard_ms
    )
    assert np.array_equal(
        market.hours("BTCUSDT", DEMO_START_MS - DAY_MS, DEMO_START_MS),
        whole.hours("BTCUSDT", DEMO_START_MS - DAY_MS, DEMO_START_MS),
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"symbols": ["NOPEUSDT"]}, "no NOPEUSDT"),
        ({"symbols": []}, "1 to 500"),
        ({"symbols": ["BTCUSDT", "BTCUSDT"]}, "different"),
        ({"edge": 0.9}, "edge is 0.9"),
        ({"seed": -1}, "seed is -1"),
        ({"start_ms": 1_500_000_000_000}, "before its last listing"),
    ],
)
def test_impossible_markets_are_refused(options: dict, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        GeneratedMarket(**options)
