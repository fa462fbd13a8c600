"""Gaps between candles: where history breaks, and how short gaps are bridged.

A gap of one to three bars may be filled and is marked; a longer one is the border of a segment that no window and no
label crosses. Pure functions.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from storage.candles.rows import Source, StoredCandles
from strategies.market import CLOSE, OPEN, OPEN_MS, VOLUME, CandleArray, Timeframe

FILLABLE_BARS: Final = 3


def missing_before(open_ms: np.ndarray, timeframe: Timeframe) -> np.ndarray:
    """Return (n,) int64: how many bars are missing right before each one; 0 for the first."""
    steps = np.diff(np.asarray(open_ms, np.float64)) // timeframe.ms
    return np.r_[0, steps.astype(np.int64) - 1] if len(open_ms) else np.empty(0, np.int64)


def segments(candles: CandleArray, timeframe: Timeframe, max_bars: int = FILLABLE_BARS) -> list[slice]:
    """Return the row ranges between gaps longer than `max_bars`, in order; together they cover every row.

    With `max_bars=0` each segment is contiguous, bar by bar.
    """
    if not len(candles):
        return []
    borders = np.flatnonzero(missing_before(candles[:, OPEN_MS], timeframe) > max_bars)
    starts = [0, *borders.tolist()]
    return [slice(start, end) for start, end in zip(starts, [*starts[1:], len(candles)], strict=True)]


def fill_gaps(stored: StoredCandles, timeframe: Timeframe, max_bars: int = FILLABLE_BARS) -> StoredCandles:
    """Return the candles with gaps of at most `max_bars` filled: previous close, volume 0, source repaired.

    Longer gaps stay open.
    """
    missing = missing_before(stored.candles[:, OPEN_MS], timeframe)
    missing[missing > max_bars] = 0
    if not missing.any():
        return stored
    last_filled = np.cumsum(missing) + np.arange(len(missing))  # row of each old candle in the new array
    is_old = np.zeros(int(last_filled[-1]) + 1, bool)
    is_old[last_filled] = True
    previous = np.cumsum(is_old) - 1  # old row at or before each new row
    candles, source = stored.candles[previous], stored.source[previous]
    made_up = np.flatnonzero(~is_old)
    steps = made_up - last_filled[previous[made_up]]
    candles[made_up, OPEN_MS] += steps * timeframe.ms
    candles[made_up, OPEN:VOLUME] = candles[made_up, CLOSE][:, None]
    candles[made_up, VOLUME] = 0.0
    source[made_up] = Source.REPAIRED
    return StoredCandles(candles=candles, source=source)
