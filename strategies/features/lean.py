"""The model's default features: momentum, distance from averages, Donchian position, volatility, trend efficiency.

Thirty columns on 1h, from prices alone; everything is a ratio to the market's own volatility, so that one model
serves all markets. Dropping volume, candle shape, time, funding, spot and cross-market columns cost nothing that
could be measured.
"""

from __future__ import annotations

import math

import numpy as np

from strategies.features.bars import Bars, Column
from strategies.features.horizons import Horizons
from strategies.features.rolling import (
    average_exponentially,
    logarithm,
    rolling_deviation,
    rolling_max,
    rolling_mean,
    rolling_min,
    rolling_sum,
    span_alpha,
)
from strategies.features.volatility import YEAR_MS

TINY = 1e-12


def momentum_columns(horizons: Horizons) -> list[Column]:
    """Log return over the last h bars, in deviations of an h-bar move."""
    warm = horizons.fast_half_life
    return [
        Column(name=f"momentum_{bars}", group="momentum", directional=True, warm_up=max(bars, warm))
        for bars in horizons.momentum
    ]


def momentum(bars: Bars) -> list[np.ndarray]:
    """Return sum(r) / (sigma sqrt(h)) for every horizon."""
    return [rolling_sum(bars.returns, h) / (bars.sigma * math.sqrt(h)) for h in bars.horizons.momentum]


def average_columns(horizons: Horizons) -> list[Column]:
    """Distance of the log price from its exponential averages."""
    warm = horizons.fast_half_life
    return [
        Column(name=f"average_{bars}", group="averages", directional=True, warm_up=max(bars, warm))
        for bars in horizons.averages
    ]


def averages(bars: Bars) -> list[np.ndarray]:
    """Return (ln C - EMA_h(ln C)) / (sigma sqrt(h)) for every span."""
    return [
        (bars.log_close - average_exponentially(bars.log_close, span_alpha(h))) / (bars.sigma * math.sqrt(h))
        for h in bars.horizons.averages
    ]


def donchian_columns(horizons: Horizons) -> list[Column]:
    """Where the close stands between the highest high (+1) and the lowest low (-1) of the last h bars."""
    return [
        Column(name=f"donchian_{bars}", group="donchian", directional=True, warm_up=bars) for bars in horizons.donchian
    ]


def donchian(bars: Bars) -> list[np.ndarray]:
    """Return (2C - highest - lowest) / (highest - lowest) for every window."""
    result = []
    for window in bars.horizons.donchian:
        highest, lowest = rolling_max(bars.high, window), rolling_min(bars.low, window)
        result.append((2.0 * bars.close - highest - lowest) / (highest - lowest + TINY))
    return result


def volatility_columns(horizons: Horizons) -> list[Column]:
    """The level of volatility, its recent change, its own variability, and the range of the last bar."""
    names = {
        "volatility_level": horizons.middle,
        "volatility_short_to_middle": horizons.middle,
        "volatility_middle_to_long": horizons.long,
        "range_to_close_volatility": horizons.middle,
        "volatility_of_volatility": horizons.middle,
        "bar_range": horizons.fast_half_life,
    }
    return [
        Column(name=name, group="volatility", directional=False, warm_up=window + 1) for name, window in names.items()
    ]


def volatilities(bars: Bars) -> list[np.ndarray]:
    """Return the logarithms of six ratios; the third is Parkinson's range estimator against the close-to-close
    deviation.
    """
    horizons = bars.horizons
    short = rolling_deviation(bars.returns, horizons.short)
    middle = bars.deviation
    long = rolling_deviation(bars.returns, horizons.long)
    log_range = logarithm(bars.high / bars.low)
    parkinson = np.sqrt(np.maximum(rolling_mean(log_range * log_range / (4.0 * math.log(2.0)), horizons.short), 0.0))
    return [
        logarithm(middle * math.sqrt(YEAR_MS / bars.timeframe.ms)),
        logarithm(short / middle),
        logarithm(middle / long),
        logarithm((parkinson + 1e-9) / middle),
        rolling_deviation(logarithm(np.abs(bars.returns) + 1e-5), horizons.middle),
        logarithm((bars.high - bars.low) / bars.close / bars.sigma + 1e-3),
    ]


def trend_columns(horizons: Horizons) -> list[Column]:
    """How straight prices moved, whether moves continue (variance ratio), and the skew of returns."""
    efficiencies = [
        Column(name=f"efficiency_{bars}", group="trend", directional=False, warm_up=bars + 1)
        for bars in horizons.efficiency
    ]
    return [
        *efficiencies,
        Column(
            name="variance_ratio",
            group="trend",
            directional=False,
            warm_up=2 * horizons.middle + horizons.variance_ratio,
        ),
        Column(name="skew", group="trend", directional=True, warm_up=horizons.middle + 1),
    ]


def trends(bars: Bars) -> list[np.ndarray]:
    """Return Kaufman's efficiency for each window, the log variance ratio, and the skew of returns."""
    horizons = bars.horizons
    path = np.abs(bars.returns)
    efficiencies = [np.abs(rolling_sum(bars.returns, h)) / (rolling_sum(path, h) + TINY) for h in horizons.efficiency]
    window, step = 2 * horizons.middle, horizons.variance_ratio
    moves = rolling_deviation(rolling_sum(bars.returns, step), window) + 1e-9
    ratio = logarithm(moves / (rolling_deviation(bars.returns, window) * math.sqrt(step)))
    deviation = bars.deviation
    cubes = bars.returns * bars.returns * bars.returns
    skew = rolling_mean(cubes, horizons.middle) / (deviation * deviation * deviation)
    return [*efficiencies, ratio, skew]
