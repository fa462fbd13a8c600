"""Kept history: candles that were fetched once stay while a start goes on, for another try and for another account.

A start at width fetches thousands of pages. One that fails, or an account that watches the same markets, asks only for
what is new since.
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

import numpy as np

from strategies.market import OPEN_MS, CandleArray, Timeframe

AT_ONCE: Final = 16  # markets that are fetched side by side: an answer is ten times as large as what is kept of it


class HistorySource(Protocol):
    """Who fetches."""

    async def history(self, symbol: str, timeframe: Timeframe, start_ms: int, end_ms: int) -> CandleArray: ...


class KeptHistory:
    """Remembers what was fetched, by market; dropped when all accounts are open."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, Timeframe], tuple[int, int, CandleArray]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    def of(self, source: HistorySource) -> HistorySource:
        """Return a source that asks `source` for what is not kept yet."""
        return _Asking(self, source)

    async def get(
        self, source: HistorySource, symbol: str, timeframe: Timeframe, start_ms: int, end_ms: int
    ) -> CandleArray:
        """Return the candles of [start, end), fetched as far as they are not kept."""
        async with self._slots:
            first_ms, last_ms, rows = self._kept.get((symbol, timeframe), (start_ms, start_ms, np.empty((0, 6))))
            if start_ms < first_ms or start_ms > last_ms:
                first_ms, last_ms, rows = start_ms, start_ms, np.empty((0, 6))
            if end_ms > last_ms:
                newer = await source.history(symbol, timeframe, last_ms, end_ms)
                rows, last_ms = np.concatenate([rows, newer]) if len(rows) else newer, end_ms
                self._kept[symbol, timeframe] = (first_ms, last_ms, rows)
        chosen = (rows[:, OPEN_MS] >= start_ms) & (rows[:, OPEN_MS] < end_ms)
        return rows if chosen.all() else rows[chosen]

    def forget(self) -> None:
        """Keep nothing any more: the start is over."""
        self._kept.clear()


class _Asking:
    def __init__(self, kept: KeptHistory, source: HistorySource) -> None:
        self._kept = kept
        self._source = source

    async def history(self, symbol: str, timeframe: Timeframe, start_ms: int, end_ms: int) -> CandleArray:
        return await self._kept.get(self._source, symbol, timeframe, start_ms, end_ms)
