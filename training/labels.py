"""What the models learn to foretell: the forward return from the next open, in the market's own deviations.

The decision falls at a bar's close, the trade at the next open, so the label begins there. Its sign is for display
only: learning the sign and trading it lost money where learning this value earned it.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from strategies.features.rolling import logarithm
from strategies.market import OPEN, OPEN_MS, CandleArray, Timeframe

CLIP: Final = 3.0


def forward_return(
    candles: CandleArray, sigma: np.ndarray, horizon_bars: int, timeframe: Timeframe
) -> tuple[np.ndarray, np.ndarray]:
    """Return the volatility-scaled forward return of every bar of a contiguous segment, and when it is known.

    z[i] = clip(ln(O[i+1+h] / O[i+1]) / (sigma[i] sqrt(h)), -3, 3).

    Args:
        candles: (n, 6) float64, contiguous: nothing crosses a gap because a segment ends there.
        sigma: (n,) per-bar deviation, known at the close of each bar.
        horizon_bars: h.
        timeframe: length of a candle.

    Returns:
        target: (n,) float64; NaN in the last h + 1 rows and where sigma is NaN.
        label_end_ms: (n,) int64, the open at which the label is settled.
    """
    opens = logarithm(np.ascontiguousarray(candles[:, OPEN]))
    target = np.full(len(candles), np.nan)
    labelled = len(candles) - 1 - horizon_bars
    if labelled > 0:
        moves = opens[1 + horizon_bars :] - opens[1 : 1 + labelled]
        target[:labelled] = np.clip(moves / (sigma[:labelled] * math.sqrt(horizon_bars)), -CLIP, CLIP)
    label_end_ms = candles[:, OPEN_MS].astype(np.int64) + (1 + horizon_bars) * timeframe.ms
    return target, label_end_ms


def direction(target: np.ndarray) -> np.ndarray:
    """Return the sign of the target: 1.0 up, 0.0 down or unchanged, NaN unknown."""
    return np.where(np.isfinite(target), (target > 0).astype(np.float64), np.nan)


def uniqueness(start_ms: np.ndarray, end_ms: np.ndarray, step_ms: int) -> np.ndarray:
    """Return how much of each label is its own: the mean over its life of 1 / (labels alive).

    Args:
        start_ms: (n,) int64 ascending, on the grid of `step_ms`: first bar the label spans.
        end_ms: (n,) int64, the bar at which it ends (exclusive); > start.
        step_ms: length of a bar.

    Returns:
        (n,) float64 in (0, 1]; their sum is the effective number of observations (Lopez de Prado 2018, ch. 4).
    """
    if not len(start_ms):
        return np.zeros(0)
    base = int(start_ms[0])
    first, last = (start_ms - base) // step_ms, (end_ms - base) // step_ms
    changes = np.zeros(int(last.max()) + 1, np.int64)
    np.add.at(changes, first, 1)
    np.add.at(changes, last, -1)
    alive = np.cumsum(changes)
    shares = np.concatenate([[0.0], np.cumsum(1.0 / np.maximum(alive, 1))])
    return (shares[last] - shares[first]) / (last - first)
