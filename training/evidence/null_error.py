"""Null error: how far from zero an IC falls by luck, given that labels overlap and markets move together.

Newey & West 1987 on the products of standardised score and target, summed over markets at each bar: neighbouring
labels share most of their bars, and a pooled sample of correlated markets holds less than it counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.data.market_scores import MarketScores


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillTest:
    """An information coefficient and its null standard error.

    Attributes:
        effective: independent observations that would have the same error: 1 / error^2.
    """

    ic: float
    error: float

    @property
    def effective(self) -> float:
        return 1.0 / self.error**2 if self.error > 0 else 0.0

    @property
    def errors(self) -> float:
        """The IC in standard errors; 0 where there is no score at all."""
        return self.ic / self.error if self.error > 0 else 0.0


def skill_test(worlds: Sequence[Sequence[MarketScores]], column: int, horizon_bars: int) -> SkillTest:
    """Return the mean IC of one column of scores over independent worlds, and its null standard error."""
    found = [_one(runs, column, horizon_bars) for runs in worlds]
    ic = float(np.mean([part.ic for part in found]))
    error = float(np.sqrt(np.sum([part.error**2 for part in found])) / len(found))
    return SkillTest(ic=ic, error=error)


def null_error(products: np.ndarray, counts: np.ndarray, horizon_bars: int) -> float:
    """Return the standard error of the mean product under no skill.

    Args:
        products: (t,) sums over markets of standardised score x target, bar by bar.
        counts: (t,) how many markets each sum has.
        horizon_bars: labels further apart than this share nothing; weights fall to zero at twice that.
    """
    total = counts.sum()
    if not total:
        return 0.0
    centred = products - products.sum() / total * counts
    lags = 2 * horizon_bars
    variance = float((centred**2).sum())
    for lag in range(1, min(lags, len(centred) - 1) + 1):
        variance += 2.0 * (1.0 - lag / (lags + 1)) * float((centred[lag:] * centred[:-lag]).sum())
    return float(np.sqrt(max(variance, 0.0)) / total)


def _one(runs: Sequence[MarketScores], column: int, horizon_bars: int) -> SkillTest:
    score = np.concatenate([run.scores[:, column] for run in runs])
    target = np.concatenate([run.target for run in runs])
    open_ms = np.concatenate([run.open_ms for run in runs])
    known = np.isfinite(score) & np.isfinite(target)
    if known.sum() < 30 or score[known].std() == 0:
        return SkillTest(ic=0.0, error=0.0)
    score, target = (part[known] - part[known].mean() for part in (score, target))
    products = score * target / (score.std() * target.std())
    _, at = np.unique(open_ms[known], return_inverse=True)
    summed, counts = np.bincount(at, weights=products), np.bincount(at).astype(np.float64)
    return SkillTest(ic=float(products.mean()), error=null_error(summed, counts, horizon_bars))
