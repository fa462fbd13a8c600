"""Anchored blocks: where the computation of features begins, the same for live, backtest and training.

Exponential means remember their first value, so two computations agree to the last bit only if they begin at the
same candle. Time is cut into blocks of `BLOCK_BARS` at fixed times; a block's features are computed from an anchor
`WARM_UP_BARS` before it (or from the first candle after a gap). Live takes the last row of the current block,
history takes all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from strategies.errors import BadInput, DataGap
from strategies.market import OPEN_MS, CandleArray, Timeframe

BLOCK_BARS: Final = 512
WARM_UP_BARS: Final = 2400
HISTORY_BARS: Final = BLOCK_BARS + WARM_UP_BARS  # enough for `current_slice` wherever in its block the last bar stands


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchoredSlice:
    """Contiguous candles from an anchor on, and which of them are asked for.

    Attributes:
        candles: (n, 6) float64; row 0 is the anchor.
        first: rows `first..n-1` are asked for, the ones before are warm-up.
    """

    candles: CandleArray
    first: int

    def __post_init__(self) -> None:
        if not 0 <= self.first < len(self.candles):
            raise BadInput(
                f"slice of {len(self.candles)} candles asks for rows from {self.first}; at least one row is needed"
            )


def block_start(open_ms: int, timeframe: Timeframe) -> int:
    """Return the open of the first candle of the block that contains `open_ms`."""
    return open_ms - open_ms % (BLOCK_BARS * timeframe.ms)


def require_contiguous(candles: CandleArray, timeframe: Timeframe) -> None:
    """Check that neighbouring candles are one timeframe apart.

    Raises:
        DataGap: they are not; the message names the first place.
    """
    steps = np.diff(candles[:, OPEN_MS])
    wrong = np.flatnonzero(steps != timeframe.ms)
    if len(wrong):
        at = int(wrong[0])
        raise DataGap(
            f"candle {int(candles[at + 1, OPEN_MS])} comes {steps[at] / timeframe.ms:g} bars of {timeframe.value} "
            f"after {int(candles[at, OPEN_MS])}; 1 is needed"
        )


def segment_starts(candles: CandleArray, timeframe: Timeframe) -> np.ndarray:
    """Return the rows at which a contiguous run of candles begins; row 0 is always one of them."""
    breaks = np.flatnonzero(np.diff(candles[:, OPEN_MS]) != timeframe.ms) + 1
    return np.concatenate([np.zeros(min(1, len(candles)), np.int64), breaks])


def current_slice(candles: CandleArray, timeframe: Timeframe) -> AnchoredSlice:
    """Return the slice whose last row is the newest candle; only that row is asked for.

    Args:
        candles: the newest candles, ascending; at least `HISTORY_BARS` of them, or all there are.
        timeframe: their length.

    Raises:
        DataGap: there is no candle.
    """
    if not len(candles):
        raise DataGap("found no candle, needed at least one")
    start_ms = block_start(int(candles[-1, OPEN_MS]), timeframe) - WARM_UP_BARS * timeframe.ms
    begin = max(int(np.searchsorted(candles[:, OPEN_MS], start_ms)), int(segment_starts(candles, timeframe)[-1]))
    chosen = candles[begin:]
    return AnchoredSlice(candles=chosen, first=len(chosen) - 1)


def block_slices(
    candles: CandleArray, timeframe: Timeframe, start_ms: int | None = None, end_ms: int | None = None
) -> list[AnchoredSlice]:
    """Return the slices that together ask once for every candle with `start_ms <= open_ms < end_ms`, in order.

    A gap inside a block splits it: rows after the gap know nothing from before it.
    """
    open_ms = candles[:, OPEN_MS]
    low = 0 if start_ms is None else int(np.searchsorted(open_ms, start_ms))
    high = len(candles) if end_ms is None else int(np.searchsorted(open_ms, end_ms))
    starts = segment_starts(candles, timeframe)
    slices = []
    for begin, end in zip(starts, np.append(starts[1:], len(candles)), strict=True):
        row, last = max(int(begin), low), min(int(end), high)
        while row < last:
            start = block_start(int(open_ms[row]), timeframe)
            stop = min(last, row + (start + BLOCK_BARS * timeframe.ms - int(open_ms[row])) // timeframe.ms)
            anchor = max(int(begin), row - (int(open_ms[row]) - start) // timeframe.ms - WARM_UP_BARS)
            slices.append(AnchoredSlice(candles=candles[anchor:stop], first=row - anchor))
            row = stop
    return slices
