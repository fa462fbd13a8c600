"""Head & shoulders and double tops: turning points at equal heights, confirmed when the neckline breaks.

The shapes are those of Lo, Mamaysky & Wang (2000) with tolerances in average true ranges instead of 1.5 % of a stock's
price; the break of the neckline is what chart readers wait for. Written for tops; bottoms are tops of the flipped
chart.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from strategies.patterns.chart import Chart

HEIGHT_ATR: Final = 3.0  # from the neckline to the top
HEAD_ATR: Final = 0.5  # of the head above the higher shoulder
MOST_ASYMMETRY: Final = 3.0  # one half of a head & shoulders lasts at most so many times the other
LEAST_TOP_BARS: Final = 8  # between the two tops of a double top

Found = tuple[np.ndarray, np.ndarray]  # (k, 3) int64 rows start, end, confirm, and (k,) float64 levels


def head_and_shoulders(chart: Chart) -> Found:
    """Return the head & shoulders tops of a chart."""
    pivots = chart.pivots
    return _head_and_shoulders(
        pivots.row,
        pivots.confirm,
        pivots.price,
        pivots.is_high,
        chart.high,
        chart.close,
        chart.atr,
        chart.tolerance,
    )


def double_tops(chart: Chart) -> Found:
    """Return the double tops of a chart."""
    pivots = chart.pivots
    return _double_tops(
        pivots.row,
        pivots.confirm,
        pivots.price,
        pivots.is_high,
        chart.high,
        chart.close,
        chart.atr,
        chart.tolerance,
    )


@njit(cache=True)
def _head_and_shoulders(
    row: np.ndarray,
    confirm: np.ndarray,
    price: np.ndarray,
    is_high: np.ndarray,
    high: np.ndarray,
    close: np.ndarray,
    atr: np.ndarray,
    tolerance: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    rows, levels, count = np.empty((len(row), 3), np.int64), np.empty(len(row)), 0
    for j in range(4, len(row)):
        known = confirm[j]
        band, unit = 2.0 * tolerance[known], atr[known]
        left, head, right = price[j - 4], price[j - 2], price[j]
        if not is_high[j] or head - max(left, right) < HEAD_ATR * unit or abs(left - right) > band:
            continue
        if abs(price[j - 3] - price[j - 1]) > band or head - max(price[j - 3], price[j - 1]) < HEIGHT_ATR * unit:
            continue
        first, second = row[j - 2] - row[j - 4], row[j] - row[j - 2]
        if max(first, second) > MOST_ASYMMETRY * min(first, second):
            continue
        slope = (price[j - 1] - price[j - 3]) / (row[j - 1] - row[j - 3])
        at = _broken(close, high, known, row[j] + first + second, price[j - 1], row[j - 1], slope, right)
        if at >= 0:
            rows[count, 0], rows[count, 1], rows[count, 2] = row[j - 4], row[j], at
            levels[count] = price[j - 1] + slope * (at - row[j - 1])
            count += 1
    return rows[:count], levels[:count]


@njit(cache=True)
def _double_tops(
    row: np.ndarray,
    confirm: np.ndarray,
    price: np.ndarray,
    is_high: np.ndarray,
    high: np.ndarray,
    close: np.ndarray,
    atr: np.ndarray,
    tolerance: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    rows, levels, count = np.empty((len(row), 3), np.int64), np.empty(len(row)), 0
    for j in range(3, len(row)):
        known = confirm[j]
        first, valley, second = price[j - 2], price[j - 1], price[j]
        if not is_high[j] or abs(first - second) > 2.0 * tolerance[known]:
            continue
        if min(first, second) - valley < HEIGHT_ATR * atr[known] or row[j] - row[j - 2] < LEAST_TOP_BARS:
            continue
        if price[j - 3] >= valley:  # there was no rise for it to end
            continue
        at = _broken(close, high, known, 2 * row[j] - row[j - 2], valley, row[j - 1], 0.0, max(first, second))
        if at >= 0:
            rows[count, 0], rows[count, 1], rows[count, 2] = row[j - 2], row[j], at
            levels[count] = valley
            count += 1
    return rows[:count], levels[:count]


@njit(cache=True)
def _broken(
    close: np.ndarray,
    high: np.ndarray,
    known: int,
    last: int,
    price: float,
    anchor: int,
    slope: float,
    ceiling: float,
) -> int:
    """Return the first bar in [known, last] that closes under the neckline, or -1; a high above `ceiling` ends it."""
    for t in range(known, min(last + 1, len(close))):
        if high[t] > ceiling:
            return -1
        if close[t] < price + slope * (t - anchor):
            return t
    return -1
