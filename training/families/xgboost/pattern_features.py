"""What a pattern classifier sees at a bar's close: the last turning points, the lines through them, the last pole and
the last two candles, all in average true ranges.

Only pivots confirmed by then count, so a column looks at no later bar. The columns hold what the rules of
`strategies/patterns` look at; a classifier shows that the shapes can be learnt, not that they pay.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from strategies.features.rolling import difference, rolling_deviation
from strategies.market import CandleArray
from strategies.patterns.chart import Chart, chart_of
from strategies.patterns.engulfing import TREND_BARS
from strategies.patterns.flags import POLE_BARS, REST_BARS, SIGMA_BARS, least_squares, pole_bars

PIVOTS: Final = 6
REACH: Final = 200.0  # bars; older is as good as never
WARM_UP_BARS: Final = SIGMA_BARS + POLE_BARS[1] + REST_BARS[1]

_POINTS: Final = (
    *(f"pivot_{back}_{what}" for back in range(PIVOTS) for what in ("distance", "age")),
    "pivot_is_high",
    *(f"leg_{back}" for back in range(PIVOTS - 1)),
)
_SHAPES: Final = tuple(  # of the last pivot as the end of a shape, and of the one before it
    f"{which}_{what}"
    for which in ("last", "earlier")
    for what in (
        "like_0_2",
        "like_1_3",
        "like_0_4",
        "confirmed_age",
        "passed",
        "halves",
        "deadline",
        "level_least",
        "level_most",
        "apex",
        *(
            f"{line}_line_{part}"
            for line in ("near", "far")
            for part in ("distance", "distance_before", "least", "most", "slope")
        ),
    )
)
_POLES: Final = tuple(
    f"{which}_pole_{what}"
    for which in ("rising", "falling")
    for what in ("age", "height", "retraced", "line", "line_before", "closing_in", "slope", "volume")
)
_CANDLES: Final = ("body", "last_body", "over_last_open", "under_last_close", "fall")
NAMES: Final = _POINTS + _SHAPES + _POLES + _CANDLES


def pattern_features(candles: CandleArray) -> np.ndarray:
    """Return (n, F) float32 for (n, 6) contiguous candles; NaN where there were too few turning points."""
    chart = chart_of(candles)
    sigma = rolling_deviation(difference(chart.close, 1), SIGMA_BARS)
    parts = [_points(chart), _poles(chart, sigma), _poles(chart.flipped(), sigma), _candles(chart)]
    return np.concatenate(parts, axis=1).astype(np.float32)


def _points(chart: Chart) -> np.ndarray:
    pivots = chart.pivots
    arrays = (pivots.row, pivots.confirm, pivots.price, pivots.is_high)
    return _turning_points(*arrays, chart.high, chart.low, chart.close, chart.atr, chart.tolerance)


@njit(cache=True)
def _turning_points(
    row: np.ndarray,
    confirm: np.ndarray,
    price: np.ndarray,
    is_high: np.ndarray,
    high: np.ndarray,
    low: np.ndarray,
    close: np.ndarray,
    atr: np.ndarray,
    tolerance: np.ndarray,
) -> np.ndarray:
    legs = 2 * PIVOTS + 1
    shapes = legs + PIVOTS - 1
    result = np.full((len(close), shapes + 40), np.nan)
    j = -1
    for t in range(len(close)):
        while j + 1 < len(row) and confirm[j + 1] <= t:
            j += 1
        if j < PIVOTS - 1 or np.isnan(atr[t]):
            continue
        for back in range(PIVOTS):
            result[t, 2 * back] = (price[j - back] - close[t]) / atr[t]
            result[t, 2 * back + 1] = min(t - row[j - back], REACH)
        result[t, legs - 1] = 1.0 if is_high[j] else 0.0
        for back in range(PIVOTS - 1):
            result[t, legs + back] = abs(price[j - back] - price[j - back - 1]) / atr[confirm[j]]
        for which in range(2):
            _shape(
                result[t, shapes + 20 * which :],
                j - which,
                t,
                row,
                confirm,
                price,
                is_high,
                high,
                low,
                close,
                atr,
                tolerance,
            )
    return result


@njit(cache=True)
def _shape(
    out: np.ndarray,
    j: int,
    t: int,
    row: np.ndarray,
    confirm: np.ndarray,
    price: np.ndarray,
    is_high: np.ndarray,
    high: np.ndarray,
    low: np.ndarray,
    close: np.ndarray,
    atr: np.ndarray,
    tolerance: np.ndarray,
) -> None:
    """Fill 20 columns about the shape that ends in pivot j, as it stands at bar t."""
    known, band = confirm[j], tolerance[confirm[j]]
    begin = max(known, t - int(REACH))
    out[0] = (price[j] - price[j - 2]) / band
    out[1] = (price[j - 1] - price[j - 3]) / band
    out[2] = (price[j] - price[j - 4]) / band
    out[3] = min(t - known, REACH)
    extreme = high[begin : t + 1].max() if is_high[j] else -low[begin : t + 1].min()
    out[4] = (extreme - (price[j] if is_high[j] else -price[j])) / atr[t]
    out[5] = (row[j] - row[j - 2]) / (row[j - 2] - row[j - 4])
    out[6] = (t - row[j]) / (row[j] - row[j - 2])
    out[7], out[8] = _extremes(close, atr, price[j - 1], row[j - 1], 0.0, known, t)
    slopes = np.empty(2)
    for which in range(2):  # the line through the pivot and its like, and through the one before and its like
        a, b, at = j - which, j - which - 2, 10 + 5 * which
        slope = (price[a] - price[b]) / (row[a] - row[b])
        slopes[which] = slope
        out[at] = (close[t] - price[a] - slope * (t - row[a])) / atr[t]
        out[at + 1] = (close[t - 1] - price[a] - slope * (t - 1 - row[a])) / atr[t]
        out[at + 2], out[at + 3] = _extremes(close, atr, price[a], row[a], slope, known, t)
        out[at + 4] = slope * (row[j] - row[j - 3]) / atr[known]
    start = row[j - 3]
    near = price[j] + slopes[0] * (start - row[j])
    far = price[j - 1] + slopes[1] * (start - row[j - 1])
    closing = (slopes[1] - slopes[0]) if is_high[j] else (slopes[0] - slopes[1])
    out[9] = (t - start) * closing / abs(near - far + 1e-12)


@njit(cache=True)
def _extremes(
    close: np.ndarray, atr: np.ndarray, price: float, anchor: int, slope: float, known: int, t: int
) -> tuple[float, float]:
    """Return how far closes since a shape was known lay under and over a line, before bar t, in ATR; 0 where never."""
    least, most = 0.0, 0.0
    for s in range(max(known, t - int(REACH)), t):
        gap = (close[s] - price - slope * (s - anchor)) / atr[s]
        least, most = min(least, gap), max(most, gap)
    return least, most


def _poles(chart: Chart, sigma: np.ndarray) -> np.ndarray:
    return _last_pole(chart.high, chart.low, chart.close, chart.volume, chart.atr, sigma)


@njit(cache=True)
def _last_pole(
    high: np.ndarray, low: np.ndarray, close: np.ndarray, volume: np.ndarray, atr: np.ndarray, sigma: np.ndarray
) -> np.ndarray:
    """Return (n, 8) about the highest pole's top that is 5 to 25 resting bars old; NaN where there is none."""
    result = np.full((len(close), 8), np.nan)
    pole = np.zeros(len(close), np.int64)
    for t in range(POLE_BARS[1], len(close)):
        pole[t] = pole_bars(close, high, sigma, t)
        if np.isnan(atr[t]):
            continue
        top = -1
        for bars in range(REST_BARS[0], REST_BARS[1] + 1):
            s = t - 1 - bars
            if s >= 0 and pole[s] > 0 and (top < 0 or high[s] > high[top]):
                top = s
        if top < 0:
            continue
        base, bars = top - pole[top], t - top - 1
        upper_slope, upper = least_squares(high, top + 1, t)
        lower_slope, lower = least_squares(low, top + 1, t)
        line, begin = upper + upper_slope * bars, upper - lower
        height = high[top] - close[base]
        result[t, 0] = bars
        result[t, 1] = height / atr[t]
        result[t, 2] = (high[top] - low[top + 1 : t].min()) / height
        result[t, 3] = (close[t] - line) / atr[t]
        result[t, 4] = (close[t - 1] - line + upper_slope) / atr[t]
        result[t, 5] = (begin + (upper_slope - lower_slope) * (bars - 1)) / begin if begin > 0.0 else np.nan
        result[t, 6] = (upper_slope + lower_slope) / atr[t]
        result[t, 7] = volume[top + 1 : t].mean() / (volume[base + 1 : top + 1].mean() + 1e-12)
    return result


def _candles(chart: Chart) -> np.ndarray:
    """Return (n, 5): the last two bodies, how far they overlap, and the move before them."""
    result = np.full((len(chart.close), len(_CANDLES)), np.nan)
    lag = 1 + TREND_BARS
    if len(result) <= lag:
        return result
    body = chart.close - chart.open
    result[lag:] = np.column_stack(
        [
            body[lag:],
            body[lag - 1 : -1],
            chart.close[lag:] - chart.open[lag - 1 : -1],
            chart.open[lag:] - chart.close[lag - 1 : -1],
            chart.close[lag - 1 : -1] - chart.close[:-lag],
        ]
    )
    found: np.ndarray = result / chart.atr[:, None]
    return found
