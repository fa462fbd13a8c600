"""Features of coarser candles beside those of the decision timeframe: `higher_4h`, `higher_1d`.

The coarser candles are put together from the slice's own candles, so that live and history agree to the bit, and each
is seen only from the close of its last bar on: at 13:00 the 12:00 four-hour candle is still forming and the one before
it speaks. Columns that look back further than an anchored slice reaches are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import numpy as np

from strategies.errors import BadInput
from strategies.features import lean
from strategies.features.bars import Bars, Column, bars_of
from strategies.features.blocks import WARM_UP_BARS
from strategies.features.horizons import Horizons, horizons_of
from strategies.market import CandleArray, Timeframe

PREFIX: Final = "higher_"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    columns: Callable[[Horizons], list[Column]]
    values: Callable[[Bars], list[np.ndarray]]


_PARTS: Final = (
    _Part(columns=lean.momentum_columns, values=lean.momentum),
    _Part(columns=lean.average_columns, values=lean.averages),
    _Part(columns=lean.donchian_columns, values=lean.donchian),
    _Part(columns=lean.volatility_columns, values=lean.volatilities),
    _Part(columns=lean.trend_columns, values=lean.trends),
)


def is_higher(group: str) -> bool:
    """Whether a group's name is one of a coarser timeframe."""
    return group.startswith(PREFIX)


def higher_groups(timeframes: Sequence[Timeframe]) -> tuple[str, ...]:
    """Return the groups of coarser timeframes."""
    return tuple(PREFIX + timeframe.value for timeframe in timeframes)


def higher_columns(group: str, timeframe: Timeframe) -> list[Column]:
    """Return the columns of a group such as `higher_4h`, their warm-up in bars of the decision timeframe.

    Raises:
        BadInput: the group's timeframe is unknown, or not a multiple of the decision timeframe.
    """
    coarse, ratio = _coarse(group, timeframe)
    return [
        replace(column, name=f"{coarse.value}_{column.name}", group=group, warm_up=_warm_up(column, ratio))
        for index, column in enumerate(_all_columns(coarse))
        if index in _kept(coarse, ratio)
    ]


def higher_values(group: str, bars: Bars) -> list[np.ndarray]:
    """Return the (n,) columns of a group for the bars of an anchored slice; NaN before the first coarse candle."""
    coarse, ratio = _coarse(group, bars.timeframe)
    candles, closed_before = coarse_candles(bars, coarse)
    if not len(candles):
        return [np.full(len(bars.close), np.nan) for _ in _kept(coarse, ratio)]
    coarse_bars = bars_of(candles, coarse)
    values = [column for part in _PARTS for column in part.values(coarse_bars)]
    known = closed_before > 0
    rows = np.maximum(closed_before - 1, 0)
    return [np.where(known, values[index][rows], np.nan) for index in _kept(coarse, ratio)]


def coarse_candles(bars: Bars, coarse: Timeframe) -> tuple[CandleArray, np.ndarray]:
    """Return the whole coarse candles of contiguous bars, and how many of them are closed at each bar's close.

    Returns:
        candles: (m, 6) float64; a candle that lacks its first or last bars is left out.
        closed: (n,) int64, at the close of each bar.
    """
    ratio = coarse.ms // bars.timeframe.ms
    open_ms = bars.open_ms.astype(np.int64)
    first = int(-(open_ms[0] // bars.timeframe.ms) % ratio) if len(open_ms) else 0
    count = max(0, (len(open_ms) - first) // ratio)
    rows = slice(first, first + count * ratio)

    def cut(values: np.ndarray) -> np.ndarray:
        return values[rows].reshape(count, ratio)

    volume = np.zeros(count)
    for column in cut(bars.volume).T:  # one after the other: a sum of rows may round by their number
        volume = volume + column
    candles = np.column_stack(
        [
            cut(bars.open_ms)[:, 0],
            cut(bars.open)[:, 0],
            cut(bars.high).max(axis=1),
            cut(bars.low).min(axis=1),
            cut(bars.close)[:, -1],
            volume,
        ]
    )
    closed = np.maximum(np.arange(len(open_ms)) + 1 - first, 0) // ratio
    return candles, closed


def _coarse(group: str, timeframe: Timeframe) -> tuple[Timeframe, int]:
    name = group.removeprefix(PREFIX)
    if name not in set(Timeframe):
        raise BadInput(
            f"feature group {group!r} has no timeframe; one of {', '.join(Timeframe)} is needed after higher_"
        )
    coarse = Timeframe(name)
    if coarse.ms <= timeframe.ms or coarse.ms % timeframe.ms:
        raise BadInput(
            f"feature group {group!r} needs a decision timeframe that divides {name}; it is {timeframe.value}"
        )
    return coarse, coarse.ms // timeframe.ms


def _all_columns(coarse: Timeframe) -> list[Column]:
    horizons = horizons_of(coarse)
    return [column for part in _PARTS for column in part.columns(horizons)]


@cache
def _kept(coarse: Timeframe, ratio: int) -> tuple[int, ...]:
    """Return which columns have warmed up wherever in its block a bar stands."""
    return tuple(index for index, column in enumerate(_all_columns(coarse)) if _warm_up(column, ratio) <= WARM_UP_BARS)


def _warm_up(column: Column, ratio: int) -> int:
    """Return the warm-up in bars: as many whole coarse candles and one, after at most `ratio` - 1 stray bars."""
    return (column.warm_up + 2) * ratio - 2
