"""A start that is tried again, or a second account, asks only for the candles that are new."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bot.feed.kept_history import KeptHistory
from strategies.market import HOUR_MS, CandleArray, Timeframe


@dataclass
class Source:
    """An exchange that notes what it is asked for."""

    asked: list[tuple[str, int, int]] = field(default_factory=list)

    async def history(self, symbol: str, timeframe: Timeframe, start_ms: int, end_ms: int) -> CandleArray:
        self.asked.append((symbol, start_ms // HOUR_MS, end_ms // HOUR_MS))
        opens = np.arange(start_ms, end_ms, HOUR_MS, dtype=np.float64)
        return np.column_stack([opens, *[opens] * 5])


async def hours(kept: KeptHistory, source: Source, symbol: str, start: int, end: int) -> list[int]:
    rows = await kept.of(source).history(symbol, Timeframe.H1, start * HOUR_MS, end * HOUR_MS)
    return [int(row[0]) // HOUR_MS for row in rows]


async def test_what_is_there_is_not_asked_for_again() -> None:
    kept, source = KeptHistory(), Source()
    assert await hours(kept, source, "AAA", 0, 10) == list(range(10))
    assert await hours(kept, source, "AAA", 0, 10) == list(range(10))
    assert await hours(kept, source, "AAA", 2, 12) == list(range(2, 12))
    assert await hours(kept, source, "BBB", 0, 3) == list(range(3))
    assert source.asked == [("AAA", 0, 10), ("AAA", 10, 12), ("BBB", 0, 3)]


async def test_an_earlier_beginning_is_fetched_whole_and_nothing_outlives_the_start() -> None:
    kept, source = KeptHistory(), Source()
    await hours(kept, source, "AAA", 5, 10)
    assert await hours(kept, source, "AAA", 0, 8) == list(range(8))
    kept.forget()
    await hours(kept, source, "AAA", 0, 8)
    assert source.asked == [("AAA", 5, 10), ("AAA", 0, 8), ("AAA", 0, 8)]
