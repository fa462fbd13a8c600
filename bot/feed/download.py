"""Download history: ask an exchange page by page for what the store lacks, and commit every page.

Stands before the second path: `sigma data download` uses it, and whoever needs history first. What is stored already is
not asked again, so a killed download goes on where it was and a finished one asks for nothing but gaps. Knows the
exchange as two methods; progress is told, not shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from storage.candles.store import Appended, CandleStore, Source
from strategies.errors import BadInput
from strategies.market import DAY_MS, OPEN_MS, CandleArray, Timeframe

PAGE_BARS: Final = 1000
FUNDING_PAGE_DAYS: Final = 300  # what one answer of Binance holds at three a day
OLDEST_MS: Final = 1_483_228_800_000  # 2017-01-01: before any USDT market was listed
SPOT_EXCHANGES: Final = {"binanceusdm": "binance"}  # where an exchange's spot markets are, if it has another name there


class HistorySource(Protocol):
    """What the feed offers for the past; see `docs/contracts.md`."""

    async def history(self, symbol: str, timeframe: Timeframe, start_ms: int, end_ms: int) -> CandleArray:
        """Return the closed candles of [start, end)."""

    async def funding(self, symbol: str, start_ms: int, end_ms: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (times_ms, rates_e8) of the rates settled in [start, end)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One market's candles to have.

    Attributes:
        exchange: under which they are stored.
        symbol: canonical.
        timeframe: of the candles.
        kind: "futures" (funding comes along) or "spot".
        since_ms: first open wanted; None: from the listing.
        until_ms: closes later than this are not asked for.
    """

    exchange: str
    symbol: str
    timeframe: Timeframe
    kind: str
    since_ms: int | None
    until_ms: int

    def __post_init__(self) -> None:
        if self.since_ms is not None and self.since_ms >= self.until_ms:
            raise BadInput(f"{self.symbol}: --since must be before --until, and before now; nothing lies between them")

    @property
    def end_ms(self) -> int:
        """The open of the first candle that is not wanted."""
        return self.timeframe.open_of(self.until_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloaded:
    """What a download did: candles, funding rates and stitched spot candles new in the store."""

    symbol: str
    candles: Appended
    funding: Appended
    stitched: Appended


BarProgress = Callable[[int, int], None]  # bars done, bars in all
NOTHING: Final = Appended(added=0)


async def download(
    source: HistorySource,
    store: CandleStore,
    wanted: Wanted,
    *,
    spot: HistorySource | None = None,
    on_progress: BarProgress = lambda done, total: None,
) -> Downloaded:
    """Bring what the store lacks of one market, and its funding rates when it is a future.

    Args:
        source: the market's exchange.
        store: where to.
        wanted: which candles.
        spot: where the spot candles from before the listing come from, stored as stitched_spot; None: not wanted.
        on_progress: told after every page.

    Raises:
        ExchangeFailed: it cannot be reached; what came before is stored.
        BadInput: it has no such market, or no candles in that time.
    """
    start_ms = await _start_of(source, wanted)
    candles = await _candles(source, store, wanted, start_ms, wanted.end_ms, Source.REAL, on_progress)
    funding, stitched = NOTHING, NOTHING
    if wanted.kind == "futures":
        funding = await _funding(source, store, wanted, start_ms)
        if spot is not None:
            stitched = await _stitch(spot, store, wanted, on_progress)
    return Downloaded(symbol=wanted.symbol, candles=candles, funding=funding, stitched=stitched)


async def listed_ms(source: HistorySource, symbol: str, until_ms: int) -> int | None:
    """Return the open of the first day a market has candles for; None: none by then."""
    days = await source.history(symbol, Timeframe.D1, OLDEST_MS, until_ms + DAY_MS)
    if len(days):
        return int(days[0, OPEN_MS])
    today = Timeframe.D1.open_of(until_ms)  # listed today: no day has closed yet
    hours = await source.history(symbol, Timeframe.M1, today, until_ms)
    return int(hours[0, OPEN_MS]) if len(hours) else None


async def _start_of(source: HistorySource, wanted: Wanted) -> int:
    if wanted.since_ms is not None:
        return -(-wanted.since_ms // wanted.timeframe.ms) * wanted.timeframe.ms
    listed = await listed_ms(source, wanted.symbol, wanted.until_ms)
    if listed is None:
        raise BadInput(
            f"{wanted.exchange} has no candles of {wanted.symbol} {wanted.kind} up to now; nothing was stored"
        )
    return wanted.timeframe.open_of(listed)


async def _candles(
    source: HistorySource,
    store: CandleStore,
    wanted: Wanted,
    start_ms: int,
    end_ms: int,
    origin: Source,
    on_progress: BarProgress,
) -> Appended:
    key = (wanted.exchange, wanted.symbol, wanted.timeframe, wanted.kind)
    step = wanted.timeframe.ms
    stored = store.read(*key, start_ms, end_ms)
    pages = list(missing_pages(stored.open_ms, start_ms, end_ms, step))
    total = sum((end - start) // step for start, end in pages)
    done, result = 0, NOTHING
    on_progress(0, total)
    for start, end in pages:
        candles = await source.history(wanted.symbol, wanted.timeframe, start, end)
        result += store.append(*key, candles, origin)
        done += (end - start) // step
        on_progress(done, total)
    return result


def missing_pages(open_ms: np.ndarray, start_ms: int, end_ms: int, step_ms: int) -> Iterator[tuple[int, int]]:
    """Yield [start, end) of what is missing of [start_ms, end_ms), in pages of at most `PAGE_BARS`, ascending."""
    borders = np.r_[start_ms - step_ms, open_ms, end_ms]
    for row in np.flatnonzero(np.diff(borders) > step_ms):
        gap_start, gap_end = int(borders[row]) + step_ms, int(borders[row + 1])
        for start in range(gap_start, gap_end, PAGE_BARS * step_ms):
            yield start, min(start + PAGE_BARS * step_ms, gap_end)


async def _funding(source: HistorySource, store: CandleStore, wanted: Wanted, start_ms: int) -> Appended:
    times, _ = store.read_funding(wanted.exchange, wanted.symbol)
    ranges = [(start_ms, wanted.until_ms)]
    if len(times):
        ranges = [(start_ms, int(times[0])), (int(times[-1]) + 1, wanted.until_ms)]
    result = NOTHING
    for first, last in ranges:
        for start in range(first, last, FUNDING_PAGE_DAYS * DAY_MS):
            page = await source.funding(wanted.symbol, start, min(start + FUNDING_PAGE_DAYS * DAY_MS, last))
            result += store.append_funding(wanted.exchange, wanted.symbol, *page)
    return result


async def _stitch(spot: HistorySource, store: CandleStore, wanted: Wanted, on_progress: BarProgress) -> Appended:
    """Prepend spot candles up to the first candle the future itself has."""
    stored = store.read(wanted.exchange, wanted.symbol, wanted.timeframe, wanted.kind)
    own = stored.open_ms[stored.source != Source.STITCHED_SPOT]
    listed = await listed_ms(spot, wanted.symbol, wanted.until_ms)
    if not len(own) or listed is None:
        return NOTHING
    start_ms = wanted.timeframe.open_of(listed)
    return await _candles(spot, store, wanted, start_ms, int(own[0]), Source.STITCHED_SPOT, on_progress)
