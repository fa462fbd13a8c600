"""Candle coverage of a run: what is missing and why, in sentences with the market, the time and the true cause."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import numpy as np

from strategies.market import DAY_MS, OPEN_MS, CandleArray, Timeframe
from training.backtest.roster import Life, warm_up_bars

MOST_SENTENCES: Final = 6  # of one kind; more are summed up
EVERYWHERE: Final = 0.8  # share of the other markets that miss the same bar: the exchange paused


def moment(ms: int) -> str:
    """Return a time as "2024-07-01 00:00"."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def coverage_notes(
    lives: Sequence[Life],
    during: Sequence[CandleArray],
    timeframe: Timeframe,
    start_ms: int,
    end_ms: int,
    most_missing: float,
) -> tuple[str, ...]:
    """Return what people must know about the candles of a run.

    Args:
        lives: of its markets.
        during: per market (n, 6) decision candles of the run.
        timeframe: of the decisions.
        start_ms, end_ms: of the run.
        most_missing: share of a market's candles from which it is worth a sentence.
    """
    return (
        *_absent(lives, during),
        *_late(lives, timeframe, start_ms, end_ms),
        *_ended(lives, start_ms, end_ms),
        *_missing(lives, during, timeframe, start_ms, end_ms, most_missing),
    )


def _absent(lives: Sequence[Life], during: Sequence[CandleArray]) -> list[str]:
    names = [life.symbol for life, part in zip(lives, during, strict=True) if not len(part)]
    if not names:
        return []
    return [f"{_named(names)}: no candle in this run; {'it takes' if len(names) == 1 else 'they take'} no part"]


def _late(lives: Sequence[Life], timeframe: Timeframe, start_ms: int, end_ms: int) -> list[str]:
    bars = warm_up_bars(timeframe)
    warm = f"warm-up of {bars:,} bars of {timeframe.value} ({bars * timeframe.ms / DAY_MS:.0f} days)"
    late = [life for life in lives if start_ms < life.enters_ms and life.first_ms < end_ms]
    if len(late) > MOST_SENTENCES:
        first, last = min(life.enters_ms for life in late), max(life.enters_ms for life in late)
        return [
            f"{len(late)} markets enter after the start, each when its {warm} is full: the first {moment(first)}, the "
            f"last {moment(last)}{' (after the end)' if last >= end_ms else ''}"
        ]
    return [
        f"{life.symbol} has candles from {moment(life.first_ms)} on and enters {moment(life.enters_ms)}, when its "
        f"{warm} is full" + (": after the end, so it takes no part" if life.enters_ms >= end_ms else "")
        for life in late
    ]


def _ended(lives: Sequence[Life], start_ms: int, end_ms: int) -> list[str]:
    ended = [life for life in lives if life.ends_ms is not None and start_ms < life.ends_ms < end_ms]
    if len(ended) > MOST_SENTENCES:
        names = ", ".join(f"{life.symbol} {moment(life.ends_ms or 0)[:10]}" for life in ended[:MOST_SENTENCES])
        return [
            f"{len(ended)} markets end before the run does and leave it there, settled at their last prices (delisted, "
            f"or not downloaded since): {names}, …"
        ]
    return [
        f"{life.symbol} ends {moment(life.ends_ms or 0)} and leaves the run there, settled at its last price "
        "(delisted, or not downloaded since)"
        for life in ended
    ]


def _missing(
    lives: Sequence[Life],
    during: Sequence[CandleArray],
    timeframe: Timeframe,
    start_ms: int,
    end_ms: int,
    most_missing: float,
) -> list[str]:
    count = (end_ms - start_ms) // timeframe.ms
    present, alive = np.zeros((count, len(lives)), bool), np.zeros((count, len(lives)), bool)
    for index, part in enumerate(during):
        rows = (part[:, OPEN_MS].astype(np.int64) - start_ms) // timeframe.ms
        present[rows, index] = True
        if len(rows):
            alive[rows[0] : rows[-1] + 1, index] = True
    missing = alive & ~present
    others = np.maximum(alive.sum(axis=1) - 1, 0)
    sentences = []
    for index, life in enumerate(lives):
        rows = np.flatnonzero(missing[:, index])
        if len(rows) <= most_missing * max(1, int(alive[:, index].sum())):
            continue
        alone = missing[rows].sum(axis=1) - 1
        everywhere = (others[rows] > 0) & (alone >= EVERYWHERE * others[rows])
        sentences.append(_gap_sentence(life, rows, everywhere, int(alive[:, index].sum()), timeframe, start_ms))
    if len(sentences) > MOST_SENTENCES:
        return [*sentences[:MOST_SENTENCES], f"… and {len(sentences) - MOST_SENTENCES} more markets miss candles"]
    return sentences


def _gap_sentence(
    life: Life, rows: np.ndarray, everywhere: np.ndarray, alive: int, timeframe: Timeframe, start_ms: int
) -> str:
    runs = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    longest = max(runs, key=len)
    since, until = (start_ms + int(row) * timeframe.ms for row in (longest[0], longest[-1] + 1))
    share = float(everywhere.mean())
    cause = (
        "nearly all markets miss them: the exchange paused"
        if share >= EVERYWHERE
        else "the others have them: missing in this market's data only"
        if share <= 1 - EVERYWHERE
        else f"{share:.0%} of them are missing everywhere, the rest only here"
    )
    return (
        f"{life.symbol} misses {len(rows):,} of {alive:,} {timeframe.value} candles ({len(rows) / alive:.1%}) in "
        f"{len(runs)} gap{'s' if len(runs) > 1 else ''}, the longest {moment(since)} to {moment(until)}; {cause}. "
        "No entry where a candle is missing"
    )


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(names[:MOST_SENTENCES])
    return shown + (f" and {len(names) - MOST_SENTENCES} more" if len(names) > MOST_SENTENCES else "")
