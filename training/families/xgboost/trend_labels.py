"""Trend labels: down, sideways or up, by the line through the closes to come.

The class is the sign of the slope of the next `horizon_bars` closes in the market's own deviations, sideways within
half a unit: about a third of a random walk each. Known once the last of those closes is.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from strategies.features.rolling import logarithm
from strategies.features.slope import SIDEWAYS, slope_score
from strategies.market import CLOSE, OPEN_MS, CandleArray, Timeframe

DOWN, SIDE, UP = 0, 1, 2
NAMES: Final = ("down", "sideways", "up")
UNKNOWN: Final = -1


def trend_labels(
    candles: CandleArray, sigma: np.ndarray, horizon_bars: int, timeframe: Timeframe
) -> tuple[np.ndarray, np.ndarray]:
    """Return the class of every bar of a contiguous segment, and when it is known.

    Args:
        candles: (n, 6) float64.
        sigma: (n,) per-bar deviation, known at the close of each bar.
        horizon_bars: closes to come, >= 2; the line also goes through the bar's own.

    Returns:
        labels: (n,) int8; `UNKNOWN` in the last `horizon_bars` rows and where sigma is NaN.
        label_end_ms: (n,) int64, the close that settles the label.
    """
    ones = np.ones(len(candles))
    ahead = np.full(len(candles), np.nan)
    slopes = slope_score(logarithm(np.ascontiguousarray(candles[:, CLOSE])), ones, horizon_bars)
    ahead[: max(0, len(candles) - horizon_bars)] = slopes[horizon_bars:]
    scores = ahead / sigma
    labels = np.where(np.abs(scores) < SIDEWAYS, SIDE, np.where(scores > 0, UP, DOWN)).astype(np.int8)
    labels[~np.isfinite(scores)] = UNKNOWN
    return labels, candles[:, OPEN_MS].astype(np.int64) + (1 + horizon_bars) * timeframe.ms
