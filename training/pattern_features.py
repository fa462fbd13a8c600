"""What a pattern classifier sees at a bar's close: the last turning points, the lines through them, the last pole and
the last two candles, all in average true ranges.

Only pivots confirmed by then count, so a column looks at no later bar. The columns hold what the rules of
`strategies/patterns` look at; a classifier shows that the shapes can be learnt, not that they pay.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from strategies.market import CandleArray
from strategies.patterns.chart import ATR_BARS, Chart, chart_of
from strategies.patterns.engulfing import TREND_BARS
from strategies.patterns.flags import POLE_BARS, REST_BARS, SIGMA_BARS, least_squares, pole_bars

PIVOTS: Final = 6
REACH: Final = 200.0  # bars; older is as good as never
WARM_UP_BARS: Final = SIGMA_BARS + POLE_BARS[1] + REST_BARS[1]

_POINTS: Final = (
    *(f"pivot_{back}_{what}" for back in range(PIVOTS) for what in ("distance", "age")),
    "pivot_is_high",
    "pivot_confirmed_age",
    *(f"pivots_{pair}_in_tolerances" for pair in ("0_2", "1_3", "0_4")),
    "since_pivot",
)
_LINES: Final = tuple(
    f"{which}_line_{what}"
    for which in ("near", "far")
    for what in ("distance", "distance_before", "least", "most", "slope")
)
_POLES: Final = tuple(
    f"{which}_pole_{what}"
    for which in ("rising", "falling")
    for what in ("age", "height", "retraced", "line", "line_before", "closing_in", "slope", "volume")
)
_CANDLES: Final = ("body", "last_body", "over_last_open", "under_last_close", "fall")
NAMES: Final = _POINTS + _LINES + _POLES + _CANDLES


def pattern_features(candles: CandleArray) -> np.ndarray:
    """Return (n, F) float32 for (n, 6) contiguous candles; NaN where there were too few turning points."""
    from strategies.features.rolling import difference, rolling_deviation

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
    result = np.full((len(close), 2 * PIVOTS + 6 + 10), np.nan)
    j = -1
    for t in range(len(close)):
        while j + 1 < len(row) and confirm[j + 1] <= t:
            j += 1
        if j < PIVOTS - 1 or np.isnan(atr[t]):
            continue
        for back in range(PIVOTS):
            result[t, 2 * back] = (price[j - back] - close[t]) / atr[t]
            result[t, 2 * back + 1] = min(t - row[j - back], REACH)
        k = 2 * PIVOTS
        result[t, k] = 1.0 if is_high[j] else 0.0
        result[t, k + 1] = min(t - confirm[j], REACH)
        result[t, k + 2] = (price[j] - price[j - 2]) / tolerance[confirm[j]]
        result[t, k + 3] = (price[j - 1] - price[j - 3]) / tolerance[confirm[j]]
        result[t, k + 4] = (price[j] - price[j - 4]) / tolerance[confirm[j]]
        extreme = high[confirm[j] : t + 1].max() if is_high[j] else low[confirm[j] : t + 1].min()
        result[t, k + 5] = (extreme - price[j]) / atr[t]
        for which in range(2):  # through the last pivot and its like, and through the one before and its like
            a, b, at = j - which, j - which - 2, k + 6 + 5 * which
            slope = (price[a] - price[b]) / (row[a] - row[b])
            result[t, at] = (close[t] - price[a] - slope * (t - row[a])) / atr[t]
            result[t, at + 1] = (close[t - 1] - price[a] - slope * (t - 1 - row[a])) / atr[t]
            least, most = 0.0, 0.0
            for s in range(max(confirm[j], t - int(REACH)), t):
                gap = (close[s] - price[a] - slope * (s - row[a])) / atr[s]
                least, most = min(least, gap), max(most, gap)
            result[t, at + 2], result[t, at + 3] = least, most
            result[t, at + 4] = slope * (row[j] - row[j - 3]) / atr[t]
    return result


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
    if len(result) <= max(lag, ATR_BARS):
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
    return result / chart.atr[:, None]
