"""What can be seen at a moment: the closed, the forming, nothing of the future."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from bot.simulator.market.chart import INTERVALS, Chart, forming
from bot.simulator.market.generated import DEMO_START_MS, GeneratedMarket
from bot.simulator.market.source import aggregate
from strategies.market import CLOSE, DAY_MS, HIGH, HOUR_MS, LOW, MINUTE_MS, OPEN, OPEN_MS, VOLUME

NOW_MS = DEMO_START_MS + 37 * DAY_MS + 13 * HOUR_MS + 25 * MINUTE_MS + 20_000


@pytest.fixture(scope="module")
def market() -> GeneratedMarket:
    return GeneratedMarket(seed=5)


class BlindAfter:
    """A market whose future is different: prices after `border_ms` are doubled."""

    def __init__(self, market: GeneratedMarket, border_ms: int) -> None:
        self._market, self._border_ms = market, border_ms
        self.instruments, self.description = market.instruments, market.description
        self.start_ms, self.end_ms = market.start_ms, market.end_ms
        self.funding = market.funding

    def minutes(self, symbol: str, start_ms: int, end_ms: int) -> np.ndarray:
        return self._changed(self._market.minutes(symbol, start_ms, end_ms), MINUTE_MS)

    def hours(self, symbol: str, start_ms: int, end_ms: int) -> np.ndarray:
        return self._changed(self._market.hours(symbol, start_ms, end_ms), HOUR_MS)

    def _changed(self, candles: np.ndarray, length_ms: int) -> np.ndarray:
        candles = candles.copy()
        candles[candles[:, OPEN_MS] + length_ms > self._border_ms, OPEN:] *= 2
        return candles


@pytest.mark.parametrize("interval", INTERVALS)
def test_no_candle_depends_on_the_future(market: GeneratedMarket, interval: str) -> None:
    now_ms = NOW_MS - NOW_MS % MINUTE_MS
    length_ms = INTERVALS[interval]
    window = (now_ms - 40 * length_ms, now_ms + 40 * length_ms)
    honest = Chart(market).candles("BTCUSDT", length_ms, *window, now_ms)
    changed = Chart(BlindAfter(market, now_ms)).candles("BTCUSDT", length_ms, *window, now_ms)
    assert np.array_equal(honest, changed)
    assert honest[-1, OPEN_MS] == (now_ms - 1) - (now_ms - 1) % length_ms  # what opens right now has not traded


@pytest.mark.parametrize("interval", INTERVALS)
def test_every_timeframe_is_the_sum_of_the_minutes(market: GeneratedMarket, interval: str) -> None:
    length_ms = INTERVALS[interval]
    end_ms = NOW_MS - NOW_MS % DAY_MS
    start_ms = end_ms - 4 * DAY_MS
    minutes = market.minutes("SOLUSDT", start_ms, end_ms)
    shown = Chart(market).candles("SOLUSDT", length_ms, start_ms, end_ms, NOW_MS)
    assert np.array_equal(shown, aggregate(minutes, length_ms, 2))


def test_forming_hour_is_the_sum_of_its_minutes_so_far(market: GeneratedMarket) -> None:
    now_ms = NOW_MS - NOW_MS % MINUTE_MS
    hour_ms = now_ms - now_ms % HOUR_MS
    shown = Chart(market).candle("BTCUSDT", HOUR_MS, now_ms)
    assert shown is not None
    assert np.array_equal(shown, aggregate(market.minutes("BTCUSDT", hour_ms, now_ms), HOUR_MS, 3)[0])


def test_closing_candle_is_whole_on_its_end(market: GeneratedMarket) -> None:
    end_ms = NOW_MS - NOW_MS % HOUR_MS
    whole = market.hours("BTCUSDT", end_ms - HOUR_MS, end_ms)[0]
    assert np.array_equal(Chart(market).candle("BTCUSDT", HOUR_MS, end_ms), whole)


def test_minute_in_progress_grows_towards_its_end_and_never_shrinks() -> None:
    minute = np.array([0.0, 100, 110, 90, 105, 60])
    seen = [forming(minute, share, 3) for share in np.linspace(0, 0.999, 50)]
    assert seen[0].tolist() == [0, 100, 100, 100, 100, 0]
    for before, after in itertools.pairwise(seen):
        assert after[HIGH] >= before[HIGH]
        assert after[LOW] <= before[LOW]
        assert after[VOLUME] >= before[VOLUME]
    assert (seen[-1][HIGH], seen[-1][LOW]) == (110, 90)


def test_first_extreme_of_a_forming_minute_tells_nothing_of_its_close() -> None:
    rising, falling = np.array([0.0, 100, 110, 90, 105, 60]), np.array([0.0, 100, 110, 90, 95, 60])
    assert forming(rising, 0.4, 3)[CLOSE] == forming(falling, 0.4, 3)[CLOSE]


@pytest.mark.parametrize("interval", ["1m", "1h", "4h"])
def test_pages_count_from_the_start_or_back_from_the_end(market: GeneratedMarket, interval: str) -> None:
    chart, length_ms = Chart(market), INTERVALS[interval]
    start_ms = NOW_MS - 500 * length_ms
    first_ms = start_ms + -start_ms % length_ms
    assert chart.page("BTCUSDT", length_ms, 7, start_ms, None, NOW_MS)[:, OPEN_MS].tolist() == [
        first_ms + k * length_ms for k in range(7)
    ]
    latest = chart.page("BTCUSDT", length_ms, 7, None, None, NOW_MS)
    assert latest[-1, OPEN_MS] == NOW_MS - NOW_MS % length_ms
    assert len(latest) == 7
    before = chart.page("BTCUSDT", length_ms, 7, None, first_ms + 1, NOW_MS)
    assert before[-1, OPEN_MS] == first_ms
    assert len(chart.page("BTCUSDT", length_ms, 7, NOW_MS + 1, None, NOW_MS)) == 0


def test_page_from_the_beginning_of_time_starts_at_the_listing(market: GeneratedMarket) -> None:
    listed = market.instruments["SOLUSDT"].onboard_ms
    assert Chart(market).page("SOLUSDT", HOUR_MS, 5, 0, None, NOW_MS)[0, OPEN_MS] == listed


def test_unsettled_funding_is_not_shown(market: GeneratedMarket) -> None:
    times, _ = Chart(market).funding("BTCUSDT", NOW_MS - DAY_MS, NOW_MS + DAY_MS, NOW_MS)
    assert times.max() <= NOW_MS
    assert len(times) == 3
