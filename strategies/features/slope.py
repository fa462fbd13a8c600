"""The slope of prices over a window, in the market's own deviations: what "uptrend" means here, in one number.

Least squares through log closes; the rise along the fitted line is divided by the deviation of a move of that length.
On a random walk it has mean 0 and deviation sqrt(6/5) = 1.1, so half a unit either way leaves about a third of all bars
sideways.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

SIDEWAYS: Final = 0.5


@njit(cache=True)
def slope_score(log_close: np.ndarray, sigma: np.ndarray, bars: int) -> np.ndarray:
    """Return b x bars / (sigma x sqrt(bars)) of the line through each bar's last `bars` closes and the one before.

    Args:
        log_close: (n,) float64.
        sigma: (n,) deviation of a bar's log return, known at each bar.
        bars: length of the window, >= 2.

    Returns:
        (n,) float64; NaN in the first `bars` rows and where sigma is NaN.
    """
    result = np.full(len(log_close), np.nan)
    middle = 0.5 * bars
    spread = bars * (bars + 1.0) * (bars + 2.0) / 12.0  # sum of squared distances of 0 .. bars from their middle
    for t in range(bars, len(log_close)):
        covariance = 0.0
        for i in range(bars + 1):
            covariance += (i - middle) * log_close[t - bars + i]
        result[t] = covariance / spread * bars / (sigma[t] * np.sqrt(float(bars)))
    return result


def trend_word(score: float) -> str:
    """Return "up", "down" or "sideways"."""
    return "sideways" if abs(score) < SIDEWAYS else "up" if score > 0 else "down"
