"""Rolling kernels: sums, extremes, averages and deviations over a trailing window, compiled.

Every kernel walks forward once and looks at nothing ahead, so a prefix of the input gives a prefix of the output,
bit for bit. Logarithms are taken here too, one at a time: vectorised ones may round differently at the end of an
array.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit


@njit(cache=True)
def logarithm(values: np.ndarray) -> np.ndarray:
    """Return ln(x) of every element; NaN where x <= 0 or NaN."""
    result = np.empty(len(values))
    for i in range(len(values)):
        result[i] = math.log(values[i]) if values[i] > 0.0 else np.nan
    return result


@njit(cache=True)
def difference(values: np.ndarray, lag: int) -> np.ndarray:
    """Return x[t] - x[t - lag]; NaN for the first `lag` rows."""
    result = np.full(len(values), np.nan)
    for i in range(lag, len(values)):
        result[i] = values[i] - values[i - lag]
    return result


@njit(cache=True)
def average_exponentially(values: np.ndarray, alpha: float) -> np.ndarray:
    """Return the exponentially weighted mean, seeded with the first finite value; NaN inputs keep the last mean."""
    result = np.empty(len(values))
    mean = np.nan
    for i in range(len(values)):
        value = values[i]
        if not math.isnan(value):
            mean = value if math.isnan(mean) else mean + alpha * (value - mean)
        result[i] = mean
    return result


@njit(cache=True)
def rolling_sum(values: np.ndarray, window: int) -> np.ndarray:
    """Return the sum of the last `window` values; NaN until that many finite values stand in a row."""
    result = np.full(len(values), np.nan)
    total, count = 0.0, 0
    for i in range(len(values)):
        if math.isnan(values[i]):
            total, count = 0.0, 0
            continue
        total += values[i]
        count += 1
        if count > window:
            total -= values[i - window]
        if count >= window:
            result[i] = total
    return result


def rolling_max(values: np.ndarray, window: int) -> np.ndarray:
    """Return the largest of the last `window` values; NaN before that many finite ones stand in a row."""
    return _largest_of_whole(values, window) if np.isfinite(values).all() else _largest(values, window)


def rolling_min(values: np.ndarray, window: int) -> np.ndarray:
    """Return the smallest of the last `window` values."""
    return -rolling_max(-values, window)


@njit(cache=True)
def _largest_of_whole(values: np.ndarray, window: int) -> np.ndarray:
    """Return `rolling_max` of finite values: the larger of what a block has seen so far and what of the one before is
    in the window still (van Herk 1992; Gil and Werman 1993). No branch depends on the values."""
    count = len(values)
    result = np.full(count, np.nan)
    behind = np.empty(count)  # from here to the end of its block
    for start in range(0, count, window):
        stop = min(start + window, count)
        largest = values[stop - 1]
        for i in range(stop - 1, start - 1, -1):
            largest = max(largest, values[i])
            behind[i] = largest
    for start in range(0, count, window):
        largest = values[start]
        for i in range(start, min(start + window, count)):
            largest = max(largest, values[i])
            if i >= window - 1:
                result[i] = max(largest, behind[i - window + 1])
    return result


@njit(cache=True)
def _largest(values: np.ndarray, window: int) -> np.ndarray:
    """Return `rolling_max` where some values are NaN (monotonic queue)."""
    result = np.full(len(values), np.nan)
    queue = np.empty(len(values), np.int64)
    head, tail, count = 0, 0, 0
    for i in range(len(values)):
        if math.isnan(values[i]):
            head, count = tail, 0
            continue
        count += 1
        while tail > head and values[queue[tail - 1]] <= values[i]:
            tail -= 1
        queue[tail] = i
        tail += 1
        while queue[head] <= i - window:
            head += 1
        if count >= window:
            result[i] = values[queue[head]]
    return result


def rolling_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Return the mean of the last `window` values."""
    return rolling_sum(values, window) / window


@njit(cache=True)
def rolling_deviation(values: np.ndarray, window: int) -> np.ndarray:
    """Return the population standard deviation of the last `window` values, at least 1e-9.

    Both sums are `rolling_sum`'s, of the values and of their squares, in one walk.
    """
    result = np.full(len(values), np.nan)
    total, squares, count = 0.0, 0.0, 0
    for i in range(len(values)):
        value = values[i]
        if math.isnan(value):
            total, squares, count = 0.0, 0.0, 0
            continue
        total += value
        squares += value * value
        count += 1
        if count > window:
            old = values[i - window]
            total -= old
            squares -= old * old
        if count >= window:
            mean = total / window
            variance = squares / window - mean * mean
            result[i] = math.sqrt(variance if not variance < 1e-18 else 1e-18)
    return result


@njit(cache=True)
def put_column(matrix: np.ndarray, index: int, values: np.ndarray, warm_up: int, clip: float) -> None:
    """Write (n,) values into a column of an (n, F) float32 matrix, clipped at +-clip; NaN in the first `warm_up` rows.

    What no float32 holds is clipped in any case.
    """
    for i in range(len(values)):
        value = values[i]
        if i < warm_up:
            value = np.nan
        elif value > clip:
            value = clip
        elif value < -clip:
            value = -clip
        matrix[i, index] = value


def half_life_alpha(half_life: float) -> float:
    """Return the weight of the newest value in an exponential mean with this half-life, in bars."""
    return float(1.0 - 0.5 ** (1.0 / half_life))


def span_alpha(span: float) -> float:
    """Return the weight of the newest value in an exponential mean of this span, in bars."""
    return 2.0 / (span + 1.0)
