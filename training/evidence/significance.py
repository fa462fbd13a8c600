"""Significance of a Sharpe ratio: probabilistic and deflated Sharpe, track record, bootstrap.

Ratios here are *per period* (one day), not annual: the formulas are about the estimate, and the length of the record
enters them. Sources: Bailey & López de Prado 2012 (PSR, minimum track record), 2014 (deflated Sharpe); Politis &
Romano 1994 (stationary bootstrap); Roy & Vetterli 2007 (effective rank). Words claims, never promotes: see
`training/promotion/gate.py` for what does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, inf, sqrt

import numpy as np
from scipy import stats

EULER_GAMMA = float(np.euler_gamma)


@dataclass(frozen=True, slots=True, kw_only=True)
class SharpeMoments:
    """The sample moments that a Sharpe ratio's distribution depends on.

    Attributes:
        sharpe: per period, mean / population deviation.
        skew: bias-corrected sample skewness.
        kurtosis: bias-corrected, raw (normal: 3).
        periods: number of returns.
    """

    sharpe: float
    skew: float
    kurtosis: float
    periods: int

    @property
    def spread(self) -> float:
        """Variance of the estimate times the number of periods: 1 - g3 SR + (g4 - 1)/4 SR^2."""
        return 1.0 - self.skew * self.sharpe + (self.kurtosis - 1.0) / 4.0 * self.sharpe**2


def sharpe_moments(returns: np.ndarray) -> SharpeMoments:
    """Return the moments of (n,) returns.

    Raises:
        ValueError: fewer than 4 returns, a value that is not finite, or no variance.
    """
    if len(returns) < 4 or not np.isfinite(returns).all() or float(np.ptp(returns)) == 0.0:
        raise ValueError(f"{len(returns)} returns: at least 4 finite ones that differ are needed")
    return SharpeMoments(
        sharpe=float(returns.mean() / returns.std()),
        skew=float(stats.skew(returns, bias=False)),
        kurtosis=float(stats.kurtosis(returns, bias=False, fisher=False)),
        periods=len(returns),
    )


def probabilistic_sharpe(returns: np.ndarray, benchmark: float = 0.0) -> float:
    """Return PSR: the probability that the true Sharpe ratio per period exceeds `benchmark` (2012, eq. 7)."""
    moments = sharpe_moments(returns)
    deviations = (moments.sharpe - benchmark) * sqrt(moments.periods - 1) / sqrt(moments.spread)
    return float(stats.norm.cdf(deviations))


def expected_maximum_sharpe(trials: float, variance: float) -> float:
    """Return the Sharpe ratio per period that the best of `trials` skill-less trials is expected to show (2014).

    Args:
        trials: independent trials, >= 1; may be an effective (fractional) number.
        variance: of the trials' Sharpe ratios per period.
    """
    if trials <= 1.0:
        return 0.0
    upper = stats.norm.ppf(1.0 - 1.0 / trials)
    further = stats.norm.ppf(1.0 - 1.0 / (trials * np.e))
    return float(sqrt(variance) * ((1.0 - EULER_GAMMA) * upper + EULER_GAMMA * further))


def deflated_sharpe(returns: np.ndarray, trials: float, variance: float) -> float:
    """Return DSR: PSR against the best Sharpe that `trials` skill-less trials would show. 1 trial: plain PSR."""
    return probabilistic_sharpe(returns, expected_maximum_sharpe(trials, variance))


def effective_trials(returns: np.ndarray) -> float:
    """Return how many independent trials (n, k) returns of k correlated trials amount to, in [1, k].

    The exponential of the entropy of the correlation matrix's eigenvalues (effective rank). A trial without variance
    counts nothing.
    """
    moving = returns[:, returns.std(axis=0) > 0]
    if moving.shape[1] <= 1:
        return 1.0
    eigenvalues = np.linalg.eigvalsh(np.corrcoef(moving, rowvar=False))
    shares = eigenvalues[eigenvalues > 1e-12] / eigenvalues[eigenvalues > 1e-12].sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def minimum_track_record(moments: SharpeMoments, benchmark: float = 0.0, alpha: float = 0.05) -> float:
    """Return the periods after which PSR(benchmark) reaches 1 - alpha (2012, eq. 11); infinite if it never does."""
    if moments.sharpe <= benchmark:
        return inf
    quantile = float(stats.norm.ppf(1.0 - alpha))
    return 1.0 + ceil(moments.spread * (quantile / (moments.sharpe - benchmark)) ** 2)


def stationary_indices(length: int, repetitions: int, mean_block: float, rng: np.random.Generator) -> np.ndarray:
    """Return (repetitions, length) rows of the stationary bootstrap: blocks of geometric length, wrapping around."""
    begins = rng.random((repetitions, length), np.float32) < 1.0 / mean_block
    begins[:, 0] = True
    starts = np.flatnonzero(begins).astype(np.int32)
    origins = rng.integers(0, length, len(starts), np.int32)
    rows = np.arange(repetitions * length, dtype=np.int32)
    rows += np.repeat(origins - starts, np.diff(starts, append=np.int32(len(rows))))
    rows -= np.where(rows >= length, length, 0).astype(np.int32)  # a block is no longer than a repetition
    return rows.reshape(repetitions, length)


def bootstrap_interval(
    returns: np.ndarray,
    statistic: Callable[[np.ndarray], np.ndarray],
    *,
    level: float = 0.95,
    mean_block: float = 10.0,
    repetitions: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile interval of a statistic under the stationary bootstrap.

    Args:
        returns: (n,) or (n, k): rows are resampled together.
        statistic: of (repetitions, n[, k]) resampled returns -> (repetitions,).
        mean_block: expected block length, rows (10 days spans a position).
    """
    rows = stationary_indices(len(returns), repetitions, mean_block, np.random.default_rng(seed))
    values = statistic(returns[rows])
    tail = (1.0 - level) / 2.0
    low, high = np.nanquantile(values, (tail, 1.0 - tail))
    return float(low), float(high)


def annual_sharpes(samples: np.ndarray) -> np.ndarray:
    """Return the annual Sharpe ratio of each row of (r, n) daily returns; 0 where a row has no variance."""
    deviations = samples.std(axis=1)
    safe = np.where(deviations > 1e-15, deviations, 1.0)
    return np.where(deviations > 1e-15, samples.mean(axis=1) / safe * sqrt(365.0), 0.0)
