"""History by REST: page after page of closed candles and settled funding rates, validated, ascending, each once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

import numpy as np

from bot.clock import Clock
from bot.feed.rest import Rest
from bot.feed.validate import Refused
from strategies.market import CandleArray, Timeframe

ATTEMPTS = 8


class PageProgress(Protocol):
    """Told after every page."""

    def __call__(self, *, candles: int, done_ms: int) -> None:
        """Take how many candles there are so far, and up to which time."""


async def candle_pages(
    rest: Rest,
    clock: Clock,
    symbol: str,
    timeframe: Timeframe,
    start_ms: int,
    end_ms: int,
    progress: PageProgress | None,
    refused: dict[int, Refused] | None = None,
) -> AsyncIterator[CandleArray]:
    """Yield the closed candles of [start, end) as (n, 6) float64 pages, oldest first; gaps are the exchange's own.

    `refused` is told, by open, why what the exchange states in the place of candles is none.

    Raises:
        ExchangeFailed: the exchange cannot be reached; attempts have been made.
    """
    step_ms = timeframe.ms
    next_ms, count = -(-start_ms // step_ms) * step_ms, 0
    end_ms = min(end_ms, clock.now_ms() // step_ms * step_ms)
    while next_ms < end_ms:
        page = await rest.candles(symbol, timeframe, next_ms, end_ms, attempts=ATTEMPTS)
        if page.candles:
            yield np.array([(candle.open_ms, *candle.values) for candle in page.candles])
            behind = [ms for ms in page.refused if next_ms <= ms < end_ms and ms % step_ms == 0]  # stated, as nonsense
            next_ms = max(page.candles[-1].open_ms, *behind, next_ms) + step_ms
        elif page.complete_ms > next_ms:
            next_ms = page.complete_ms
        else:
            next_ms += rest.page * step_ms  # not listed yet, or nothing traded for a whole page
        count += len(page.candles)
        if refused is not None:
            refused.update(page.refused)
        if progress is not None:
            progress(candles=count, done_ms=min(next_ms, end_ms))


async def funding_rates(rest: Rest, symbol: str, start_ms: int, end_ms: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (times, rates x 1e8), both (n,) int64, of the rates settled in [start, end).

    Raises:
        ExchangeFailed: the exchange cannot be reached; attempts have been made.
    """
    times: list[int] = []
    rates: list[int] = []
    next_ms = start_ms
    while next_ms < end_ms:
        answer = await rest.funding(symbol, next_ms, attempts=ATTEMPTS)
        page = [row for row in answer if row[0] < end_ms]
        times += [settled_ms for settled_ms, _ in page]
        rates += [rate_e8 for _, rate_e8 in page]
        if not page or len(page) < len(answer):  # what comes next lies behind the end
            break
        next_ms = page[-1][0] + 1
    return np.array(times, np.int64), np.array(rates, np.int64)
