"""How much a market moves: the per-bar deviation that scales targets and stops, and the slow annual one that sizes
positions.

Both are exponentially weighted root mean squares of log returns from the slice's anchor on.
Slow on purpose: better forecasts of volatility made the strategy worse (more turnover, late de-risking).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from strategies.features.horizons import horizons_of
from strategies.features.rolling import average_exponentially, difference, half_life_alpha, logarithm
from strategies.market import CLOSE, DAY_MS, CandleArray, Timeframe

YEAR_MS: Final = 365 * DAY_MS
FLOOR: Final = 1e-8  # a market that never moved still has a deviation, so nothing divides by zero


def volatility(candles: CandleArray, timeframe: Timeframe) -> tuple[np.ndarray, np.ndarray]:
    """Return the per-bar deviation and the slow annual volatility of every bar.

    Args:
        candles: (n, 6) float64, contiguous; row 0 is the anchor.
        timeframe: their length.

    Returns:
        sigma: (n,) float64, deviation of one bar's log return, half-life 72 h (72 bars below 1h); NaN in the first
            half-life.
        annual: (n,) float64, half-lives 72 h and 240 h averaged in variance, per year; NaN in the slow half-life.
    """
    horizons = horizons_of(timeframe)
    returns = difference(logarithm(np.ascontiguousarray(candles[:, CLOSE])), 1)
    fast = average_exponentially(returns * returns, half_life_alpha(horizons.fast_half_life))
    slow = average_exponentially(returns * returns, half_life_alpha(horizons.slow_half_life))
    sigma = np.maximum(np.sqrt(fast), FLOOR)
    annual = np.maximum(np.sqrt(0.5 * fast + 0.5 * slow), FLOOR) * np.sqrt(YEAR_MS / timeframe.ms)
    sigma[: horizons.fast_half_life] = np.nan
    annual[: horizons.slow_half_life] = np.nan
    return sigma, annual
