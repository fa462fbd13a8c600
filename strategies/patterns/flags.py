"""Flags and pennants: a pole, a short rest on falling volume, a break in the pole's direction.

The rest of a flag lies between parallel lines that lean against the pole, that of a pennant between lines that close
in. Written for rising poles; falling ones are those of the flipped chart. The numbers make Bulkowski's descriptions
computable.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from strategies.features.rolling import difference, rolling_deviation
from strategies.patterns.chart import Chart

POLE_SIGMAS: Final = 3.0  # of a move of so many bars
POLE_BARS: Final = (3, 12)
REST_BARS: Final = (5, 25)
MOST_RETRACED: Final = 0.5  # of the pole
CLOSING_IN: Final = 0.6  # width at the end / at the start under which lines close in
MOST_WIDENING: Final = 1.4  # ... and above which they do not lie parallel
BREAK_ATR: Final = 0.25
SIGMA_BARS: Final = 96

FLAG, PENNANT = 0, 1


def flags(chart: Chart) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (k, 3) rows start, end, confirm, (k,) levels and (k,) shapes (0 flag, 1 pennant) after rising poles."""
    sigma = rolling_deviation(difference(chart.close, 1), SIGMA_BARS)
    return _flags(chart.high, chart.low, chart.close, chart.volume, chart.atr, sigma)


@njit(cache=True)
def _flags(
    high: np.ndarray, low: np.ndarray, close: np.ndarray, volume: np.ndarray, atr: np.ndarray, sigma: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows, levels, count = np.empty((len(close), 3), np.int64), np.empty(len(close)), 0
    shapes = np.empty(len(close), np.int64)
    is_pole = np.zeros(len(close), np.int64)  # bars of the strongest pole that ends here; 0: none
    for t in range(POLE_BARS[1], len(close)):
        is_pole[t] = pole_bars(close, high, sigma, t)
        for bars in range(REST_BARS[0], REST_BARS[1] + 1):
            top = t - 1 - bars
            if top < 0 or not is_pole[top] or np.isnan(atr[t]):
                continue
            base = top - is_pole[top]
            shape, line = _rest(high, low, close, atr, base, top, t)
            if shape < 0 or volume[top + 1 : t].mean() >= volume[base + 1 : top + 1].mean():
                continue
            rows[count, 0], rows[count, 1], rows[count, 2] = base, t - 1, t
            levels[count], shapes[count] = line, shape
            count += 1
            break
    return rows[:count], levels[:count], shapes[:count]


@njit(cache=True)
def pole_bars(close: np.ndarray, high: np.ndarray, sigma: np.ndarray, t: int) -> int:
    """Return the length of the strongest pole that peaks at bar t, or 0."""
    best, bars = POLE_SIGMAS, 0
    for n in range(POLE_BARS[0], POLE_BARS[1] + 1):
        strength = (close[t] - close[t - n]) / (sigma[t - n] * np.sqrt(float(n)) + 1e-300)
        if strength >= best and high[t] >= high[t - n : t].max():
            best, bars = strength, n
    return bars


@njit(cache=True)
def _rest(
    high: np.ndarray, low: np.ndarray, close: np.ndarray, atr: np.ndarray, base: int, top: int, t: int
) -> tuple[int, float]:
    """Return the shape of the bars between a pole's top and bar t, which must break out first, and the line broken."""
    height, unit = high[top] - close[base], atr[t]
    if high[top] - low[top + 1 : t].min() > MOST_RETRACED * height or high[top + 1 : t].max() > high[top] + 0.5 * unit:
        return -1, 0.0
    bars = t - top - 1
    upper_slope, upper = least_squares(high, top + 1, t)
    lower_slope, lower = least_squares(low, top + 1, t)
    line = upper + upper_slope * bars  # extended to bar t
    if close[t] <= line + BREAK_ATR * unit or close[t - 1] > line - upper_slope + BREAK_ATR * unit:
        return -1, 0.0
    begin, end = upper - lower, (upper - lower) + (upper_slope - lower_slope) * (bars - 1)
    if begin <= 0.0 or end <= 0.0 or end > MOST_WIDENING * begin:
        return -1, 0.0
    if end < CLOSING_IN * begin:
        return PENNANT, line
    return (FLAG, line) if upper_slope + lower_slope <= 0.0 else (-1, 0.0)


@njit(cache=True)
def least_squares(values: np.ndarray, first: int, end: int) -> tuple[float, float]:
    """Return slope and value at `first` of the least-squares line through rows first .. end - 1."""
    n = end - first
    middle, mean = 0.5 * (n - 1), values[first:end].mean()
    covariance, variance = 0.0, 0.0
    for i in range(n):
        covariance += (i - middle) * (values[first + i] - mean)
        variance += (i - middle) * (i - middle)
    slope = covariance / variance
    return slope, mean - slope * middle
