"""Triangles: two highs and two lows whose lines close in on each other, confirmed by a close outside them.

Written for breaks upwards; breaks downwards are those of the flipped chart.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from strategies.patterns.chart import Chart

FLAT_ATR: Final = 1.0  # a line that moves less over the pattern is level
SLOPING_ATR: Final = 1.0  # ... and one that moves more slopes; ascending and descending ones need half as much again
HEIGHT_ATR: Final = 3.0  # width where it starts
BREAK_ATR: Final = 0.25  # beyond the line
APEX_SHARE: Final = 0.75  # of the way to where the lines meet; later breaks mean nothing

RISING_BOTTOM, FALLING_TOP, BOTH = 0, 1, 2


def triangles(chart: Chart) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (k, 3) rows start, end, confirm, (k,) levels and (k,) shapes of triangles broken upwards.

    Shapes: 0 a level top over a rising bottom, 1 a falling top over a level bottom, 2 both lines slope inwards.
    """
    pivots = chart.pivots
    return _triangles(pivots.row, pivots.confirm, pivots.price, pivots.is_high, chart.low, chart.close, chart.atr)


@njit(cache=True)
def _triangles(
    row: np.ndarray,
    confirm: np.ndarray,
    price: np.ndarray,
    is_high: np.ndarray,
    low: np.ndarray,
    close: np.ndarray,
    atr: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows, levels, count = np.empty((len(row), 3), np.int64), np.empty(len(row)), 0
    shapes = np.empty(len(row), np.int64)
    for j in range(3, len(row)):
        known, unit, start = confirm[j], atr[confirm[j]], row[j - 3]
        a, b = (j - 2, j) if is_high[j] else (j - 3, j - 1)  # the two highs
        c, d = (j - 3, j - 1) if is_high[j] else (j - 2, j)  # the two lows
        top = (price[b] - price[a]) / (row[b] - row[a])
        bottom = (price[d] - price[c]) / (row[d] - row[c])
        width = price[a] + top * (start - row[a]) - (price[c] + bottom * (start - row[c]))
        shape = _shape(top * (row[j] - start) / unit, bottom * (row[j] - start) / unit)
        if shape < 0 or width < HEIGHT_ATR * unit or bottom <= top:
            continue
        last = start + int(APEX_SHARE * width / (bottom - top))
        for t in range(known, min(last + 1, len(close))):
            if close[t] < price[d] + bottom * (t - row[d]) - BREAK_ATR * atr[t]:
                break
            line = price[b] + top * (t - row[b])
            if close[t] > line + BREAK_ATR * atr[t]:
                rows[count, 0], rows[count, 1], rows[count, 2] = start, row[j], t
                levels[count], shapes[count] = line, shape
                count += 1
                break
    return rows[:count], levels[:count], shapes[:count]


@njit(cache=True)
def _shape(top: float, bottom: float) -> int:
    """Return the shape of lines that move so many ATR over the pattern, or -1."""
    if abs(top) <= FLAT_ATR and bottom >= 1.5 * SLOPING_ATR:
        return RISING_BOTTOM
    if abs(bottom) <= FLAT_ATR and top <= -1.5 * SLOPING_ATR:
        return FALLING_TOP
    return BOTH if top <= -SLOPING_ATR and bottom >= SLOPING_ATR else -1
