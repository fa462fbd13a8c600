"""Zigzag pivots: turning points, each with the bar at which it could first be known.

A high is a pivot once the market has fallen `REVERSAL_ATR` average true ranges from it. Until then it is only the
highest price so far: whoever uses it earlier draws patterns that nobody could have traded.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numba import njit

REVERSAL_ATR: Final = 2.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Pivots:
    """Turning points in order; highs and lows alternate. All arrays have one row each.

    Attributes:
        row: (p,) int64 bar of the extreme.
        confirm: (p,) int64 bar at whose close it became one; > row, ascending.
        price: (p,) float64.
        is_high: (p,) bool.
    """

    row: np.ndarray
    confirm: np.ndarray
    price: np.ndarray
    is_high: np.ndarray

    def flipped(self) -> Pivots:
        """Return the pivots of the chart upside down."""
        return replace(self, price=-self.price, is_high=~self.is_high)


def zigzag(high: np.ndarray, low: np.ndarray, atr: np.ndarray, reversal: float = REVERSAL_ATR) -> Pivots:
    """Return the pivots of (n,) highs and lows; a prefix of the bars gives a prefix of the pivots.

    Args:
        atr: (n,) average true range; bars where it is NaN are passed over.
        reversal: in average true ranges.
    """
    rows, confirms, is_high = _zigzag(high, low, atr, reversal)
    price = np.where(is_high, high[rows], low[rows])
    return Pivots(row=rows, confirm=confirms, price=price, is_high=is_high)


@njit(cache=True)
def _zigzag(
    high: np.ndarray, low: np.ndarray, atr: np.ndarray, reversal: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows, confirms = np.empty(len(high), np.int64), np.empty(len(high), np.int64)
    is_high = np.empty(len(high), np.bool_)
    count, leg = 0, 0  # leg: +1 rising, -1 falling, 0 not known yet
    top, bottom = -1, -1
    for t in range(len(high)):
        if np.isnan(atr[t]):
            continue
        if top < 0:
            top, bottom = t, t
            continue
        turn = reversal * atr[t]
        if leg >= 0 and high[t] > high[top]:
            top = t
        elif leg >= 0 and high[top] - low[t] >= turn:
            rows[count], confirms[count], is_high[count] = top, t, True
            count, leg, bottom = count + 1, -1, t
            continue
        if leg <= 0 and low[t] < low[bottom]:
            bottom = t
        elif leg <= 0 and high[t] - low[bottom] >= turn:
            rows[count], confirms[count], is_high[count] = bottom, t, False
            count, leg, top = count + 1, 1, t
    return rows[:count], confirms[:count], is_high[:count]
