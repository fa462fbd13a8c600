"""Downloading history: resumable page by page, idempotent, funding and stitched spot candles along."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bot.feed.download import PAGE_BARS, Wanted, download, missing_pages
from storage.candles.store import CandleStore, Source
from storage.quality.cross_timeframe import aggregate
from strategies.errors import BadInput, ExchangeFailed
from strategies.market import DAY_MS, HOUR_MS, OPEN_MS, CandleArray, Timeframe
from tests.storage.candles.candle_builders import START_MS, walk

H1 = Timeframe.H1
BTC = ("exchange", "BTCUSDT", H1, "futures")


class FakeExchange:
    """Has candles of one market, counts requests, and breaks after a number of them."""

    def __init__(self, candles: CandleArray, breaks_after: int | None = None) -> None:
        self.candles = candles
        self.requests: list[tuple[str, int, int]] = []
        self.breaks_after = breaks_after

    async def history(self, symbol: str, timeframe: Timeframe, start_ms: int, end_ms: int) -> CandleArray:
        if self.breaks_after is not None and len(self.requests) >= self.breaks_after:
            raise ExchangeFailed("exchange cannot be reached")
        self.requests.append((timeframe.value, start_ms, end_ms))
        candles = aggregate(self.candles, H1, timeframe) if timeframe is not H1 else self.candles
        return candles[(candles[:, OPEN_MS] >= start_ms) & (candles[:, OPEN_MS] < end_ms)]

    async def funding(self, symbol: str, start_ms: int, end_ms: int) -> tuple[np.ndarray, np.ndarray]:
        self.requests.append(("funding", start_ms, end_ms))
        first, last = int(self.candles[0, OPEN_MS]), int(self.candles[-1, OPEN_MS])
        times = np.arange(first, last + 1, 8 * HOUR_MS)
        times = times[(times >= start_ms) & (times < end_ms)]
        return times + 7, np.full(len(times), 10_000)


def wanted(since_ms: int | None = None, until_ms: int = START_MS + 4000 * HOUR_MS) -> Wanted:
    return Wanted(
        exchange="exchange", symbol="BTCUSDT", timeframe=H1, kind="futures", since_ms=since_ms, until_ms=until_ms
    )


@pytest.fixture
def store(tmp_path: Path) -> CandleStore:
    return CandleStore(tmp_path)


async def test_everything_since_the_listing_is_brought_with_funding(store: CandleStore) -> None:
    exchange = FakeExchange(walk(2400))
    result = await download(exchange, store, wanted())
    assert result.candles.added == 2400
    assert store.read(*BTC).candles.tobytes() == exchange.candles.tobytes()
    times, rates = store.read_funding("exchange", "BTCUSDT")
    assert times.tolist() == [START_MS + 8 * HOUR_MS * number for number in range(300)]
    assert set(rates) == {10_000}


async def test_a_second_download_adds_nothing(store: CandleStore) -> None:
    exchange = FakeExchange(walk(2400))
    until_ms = START_MS + 2400 * HOUR_MS
    await download(exchange, store, wanted(START_MS, until_ms))
    exchange.requests.clear()
    result = await download(exchange, store, wanted(START_MS, until_ms))
    assert (result.candles.added, result.funding.added) == (0, 0)
    assert [kind for kind, _, _ in exchange.requests] == ["funding"]  # the days since the last settlement


async def test_a_broken_download_goes_on_where_it_was(store: CandleStore) -> None:
    candles = walk(3500)
    with pytest.raises(ExchangeFailed):
        await download(FakeExchange(candles, breaks_after=2), store, wanted(START_MS))
    assert store.coverage(*BTC).rows == 2 * PAGE_BARS
    resumed = FakeExchange(candles)
    await download(resumed, store, wanted(START_MS))
    assert resumed.requests[0] == ("1h", START_MS + 2 * PAGE_BARS * HOUR_MS, START_MS + 3 * PAGE_BARS * HOUR_MS)
    assert store.read(*BTC).candles.tobytes() == candles.tobytes()


async def test_only_holes_are_asked_for(store: CandleStore) -> None:
    candles = walk(600)
    store.append(*BTC, np.delete(candles, slice(200, 210), axis=0))
    exchange = FakeExchange(candles)
    await download(exchange, store, wanted(START_MS, START_MS + 600 * HOUR_MS))
    assert exchange.requests[0] == ("1h", START_MS + 200 * HOUR_MS, START_MS + 210 * HOUR_MS)
    assert [kind for kind, _, _ in exchange.requests[1:]] == ["funding"]
    assert store.read(*BTC).candles.tobytes() == candles.tobytes()


async def test_spot_candles_from_before_the_listing_are_marked(store: CandleStore) -> None:
    spot, future = walk(1000), walk(400, start_ms=START_MS + 600 * HOUR_MS, seed=2)
    result = await download(FakeExchange(future), store, wanted(), spot=FakeExchange(spot))
    stored = store.read(*BTC)
    assert (result.candles.added, result.stitched.added) == (400, 600)
    assert (stored.source[:600] == Source.STITCHED_SPOT).all()
    assert (stored.source[600:] == Source.REAL).all()
    assert stored.candles.tobytes() == np.concatenate([spot[:600], future]).tobytes()
    again = await download(FakeExchange(future), store, wanted(), spot=FakeExchange(spot))
    assert (again.candles.added, again.stitched.added) == (0, 0)


async def test_progress_ends_at_the_whole(store: CandleStore) -> None:
    told: list[tuple[int, int]] = []
    until_ms = START_MS + 2400 * HOUR_MS
    await download(
        FakeExchange(walk(2400)),
        store,
        wanted(START_MS, until_ms),
        on_progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(0, 2400), (1000, 2400), (2000, 2400), (2400, 2400)]


async def test_a_market_without_candles_is_named(store: CandleStore) -> None:
    with pytest.raises(BadInput, match="no candles of BTCUSDT"):
        await download(FakeExchange(np.empty((0, 6))), store, wanted())


def test_an_empty_span_is_refused() -> None:
    with pytest.raises(BadInput, match="--since must be before --until"):
        wanted(START_MS, START_MS)


def test_missing_pages_cover_exactly_what_is_missing() -> None:
    stored = START_MS + HOUR_MS * np.array([3, 4, 5, 9])
    pages = list(missing_pages(stored, START_MS, START_MS + 12 * HOUR_MS, HOUR_MS))
    assert [((a - START_MS) // HOUR_MS, (b - START_MS) // HOUR_MS) for a, b in pages] == [(0, 3), (6, 9), (10, 12)]
    assert list(missing_pages(np.arange(0, DAY_MS, HOUR_MS), 0, DAY_MS, HOUR_MS)) == []
