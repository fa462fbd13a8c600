"""Calibration: what a conviction is worth, as shrunk expected return, P(up), confidence; fitted out of fold only.

A model's own scale is over-confident (out-of-sample slopes are about two thirds), so every number a person or the
cost filter sees is shrunk. Pure arithmetic; training fits, live applies.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

OVERLAP: Final = 1.6  # labels h bars long on every bar hold about 1 / (1.6 h) independent observations a bar
SLOPE_PRIOR: Final = 0.05  # deviation of the prior on z per unit conviction, centred on 0
LOGIT_PRIOR: Final = 0.10  # same, for the logistic slope
QUANTILES: Final = 101


class Calibration(BaseModel):
    """What one unit of conviction means, frozen in a bundle.

    Attributes:
        conviction_deviation: out-of-fold deviation of the smoothed blended score, pooled over markets.
        slope: expected scaled return z over the first horizon per unit conviction, shrunk, >= 0; None: unknown (the
            trend rule).
        probability_slope: log-odds of "up" over the first horizon per unit conviction, shrunk; None: unknown.
        hold_bars: how long such a position is held on average, out of fold; None: what is said is said of the horizon.
        hold_slope, hold_probability_slope: as above, over `hold_bars`.
        confidence_quantiles: |conviction| at 0, 1, ... 100 % of the trailing out-of-fold values.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    conviction_deviation: float = Field(gt=0)
    slope: float | None = Field(None, ge=0)
    probability_slope: float | None = None
    confidence_quantiles: tuple[float, ...] = ()
    hold_bars: int | None = Field(None, ge=1)
    hold_slope: float | None = Field(None, ge=0)
    hold_probability_slope: float | None = None

    def conviction(self, smoothed: np.ndarray | float) -> np.ndarray:
        """Return the smoothed score in unit out-of-fold deviations."""
        return np.asarray(smoothed, np.float64) / self.conviction_deviation

    def expected_return(
        self, conviction: np.ndarray | float, sigma: np.ndarray | float, horizon_bars: int
    ) -> np.ndarray:
        """Return the shrunk expected log return over the expected hold, as a fraction; NaN where it is not known.

        Args:
            horizon_bars: what it is said of where no hold is known.
        """
        bars, found = (horizon_bars, self.slope) if self.hold_bars is None else (self.hold_bars, self.hold_slope)
        slope = math.nan if found is None else found
        return slope * np.asarray(conviction, np.float64) * np.asarray(sigma, np.float64) * math.sqrt(bars)

    def probability_up(self, conviction: float) -> float:
        """Return P(price is higher after the expected hold); NaN where it is not known. For display: never decides a
        trade.
        """
        slope = self.probability_slope if self.hold_bars is None else self.hold_probability_slope
        if slope is None or not math.isfinite(conviction):
            return math.nan
        return 1.0 / (1.0 + math.exp(-slope * conviction))

    def confidence(self, conviction: float) -> float:
        """Return the share of the trailing out-of-fold |convictions| below this one, 0..1; NaN where it is not
        known.
        """
        if len(self.confidence_quantiles) < 2 or not math.isfinite(conviction):
            return math.nan
        shares = np.linspace(0.0, 1.0, len(self.confidence_quantiles))
        return float(np.interp(abs(conviction), self.confidence_quantiles, shares))


def fit(conviction: np.ndarray, target: np.ndarray, horizon_bars: int) -> tuple[float, float]:
    """Return (slope, probability slope) of out-of-fold convictions against what happened.

    Both go through the origin: an intercept would inject the sample's drift.

    Args:
        conviction: (n,) float64, unit deviations.
        target: (n,) float64, volatility-scaled forward returns; NaN rows are left out.
        horizon_bars: labels overlap this much.
    """
    known = np.isfinite(conviction) & np.isfinite(target)
    x, z = conviction[known], target[known]
    weight = 1.0 / (OVERLAP * horizon_bars)
    return fit_slope(x, z, weight), fit_probability(x, z > 0, weight)


def fit_slope(conviction: np.ndarray, target: np.ndarray, weight: float) -> float:
    """Return the slope of target on conviction, shrunk towards 0 by the prior, never negative (noise variance of z:
    1).
    """
    products = weight * float((conviction * target).sum())
    squares = weight * float((conviction * conviction).sum())
    return max(0.0, products / (squares + 1.0 / SLOPE_PRIOR**2))


def fit_probability(conviction: np.ndarray, is_up: np.ndarray, weight: float) -> float:
    """Return the logistic slope of P(up) on conviction with a Gaussian prior, by Newton's method.

    May be negative: a forecast can be more often wrong than right and still earn, when its wins are larger.
    """
    slope, precision = 0.0, 1.0 / LOGIT_PRIOR**2
    for _ in range(12):
        chance = 1.0 / (1.0 + np.exp(-slope * conviction))
        gradient = weight * float((conviction * (is_up - chance)).sum()) - precision * slope
        curvature = weight * float((conviction * conviction * chance * (1.0 - chance)).sum()) + precision
        slope += gradient / curvature
    return slope


def confidence_quantiles(conviction: np.ndarray) -> tuple[float, ...]:
    """Return |conviction| at 0 .. 100 %, rounded so that equal fits give equal bytes."""
    finite = np.abs(conviction[np.isfinite(conviction)])
    if not len(finite):
        return ()
    return tuple(round(float(value), 6) for value in np.quantile(finite, np.linspace(0.0, 1.0, QUANTILES)))


def smoothed_scores(blended: np.ndarray, span: int) -> np.ndarray:
    """Return the exponential mean of (n,) scores as live smooths them: from 0, alpha = 2 / (span + 1), NaN counts as
    0.
    """
    alpha, value = 2.0 / (span + 1.0), 0.0
    result = np.empty(len(blended))
    for index, score in enumerate(np.nan_to_num(blended).tolist()):
        value += alpha * (score - value)
        result[index] = value
    return result
