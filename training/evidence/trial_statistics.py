"""Trial statistics: what a Sharpe ratio is worth once everything that was tried is counted.

Puts `significance.py` and `overfitting.py` on the trial ledger. Words claims; promotes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from training.evidence.overfitting import overfitting, superior_ability
from training.evidence.performance import DAYS_PER_YEAR, NAN
from training.evidence.significance import (
    annual_sharpes,
    bootstrap_interval,
    deflated_sharpe,
    effective_trials,
    expected_maximum_sharpe,
    minimum_track_record,
    probabilistic_sharpe,
    sharpe_moments,
)
from training.evidence.trial_ledger import Tried

CONFIDENT = 0.95
LEAST_DAYS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialStatistics:
    """How much of a result is luck and search. NaN where there is too little to say.

    Attributes:
        trials: N, configurations tried, this one included.
        effective: N in independent trials, by the correlation of their daily returns.
        compared: trials on the same markets whose daily returns cover the same days, this one included.
        probabilistic: P(true Sharpe > 0).
        deflated, deflated_effective: P(true Sharpe > the best of so many trials without skill), at N and effective N.
        luck, luck_effective: annual Sharpe that the best of them is expected to show.
        overfitting_probability: PBO by CSCV over the compared trials.
        record_years: minimum track record against zero at 95 %.
        sharpe_low, sharpe_high: 95 % stationary bootstrap interval, annual.
        superior: by benchmark, Hansen's consistent p-value of "none of the compared trials beats it".
    """

    trials: int
    effective: float
    compared: int
    probabilistic: float
    deflated: float
    deflated_effective: float
    luck: float
    luck_effective: float
    overfitting_probability: float
    record_years: float
    sharpe_low: float
    sharpe_high: float
    superior: Mapping[str, float]

    @property
    def is_claimable(self) -> bool:
        """Whether "more than luck" may be said after deflation at the effective number of trials."""
        return self.deflated_effective >= CONFIDENT and self.sharpe_low > 0


def trial_statistics(found: Tried, benchmarks: Mapping[str, np.ndarray]) -> TrialStatistics:
    """Return the statistics of a run beside everything tried.

    Args:
        found: its last column of returns is the run.
        benchmarks: daily returns on the same days, by name.
    """
    returns = found.returns[:, -1]
    moving = len(returns) >= LEAST_DAYS and float(np.ptp(returns)) > 0
    if not moving:
        return _nothing(found)
    # effective_trials is of those whose returns are known; the others are taken to be as much alike
    effective = effective_trials(found.returns) * found.recipes / found.returns.shape[1]
    variance = _variance(found.sharpes, len(returns))
    low, high = bootstrap_interval(returns, annual_sharpes)
    return TrialStatistics(
        trials=found.recipes,
        effective=effective,
        compared=found.peers.shape[1],
        probabilistic=probabilistic_sharpe(returns),
        deflated=deflated_sharpe(returns, found.recipes, variance),
        deflated_effective=deflated_sharpe(returns, effective, variance),
        luck=expected_maximum_sharpe(found.recipes, variance) * math.sqrt(DAYS_PER_YEAR),
        luck_effective=expected_maximum_sharpe(effective, variance) * math.sqrt(DAYS_PER_YEAR),
        overfitting_probability=_overfitting(found.peers),
        record_years=minimum_track_record(sharpe_moments(returns)) / DAYS_PER_YEAR,
        sharpe_low=low,
        sharpe_high=high,
        superior={
            name: _superior(other, found.peers) for name, other in benchmarks.items() if len(other) == len(returns)
        },
    )


def claim(statistics: TrialStatistics) -> str:
    """Return what may be said after counting the trials, in one sentence."""
    if math.isnan(statistics.deflated_effective):
        return "Too short or too quiet to be judged against what was tried."
    numbers = (
        f"deflated Sharpe probability {statistics.deflated_effective:.2f} at {statistics.effective:.1f} effective of "
        f"{statistics.trials} trials, {statistics.deflated:.2f} at all {statistics.trials}; luck alone would show "
        f"{statistics.luck_effective:.2f}"
    )
    if statistics.is_claimable:
        return f"An edge was found after deflation ({numbers})."
    if statistics.probabilistic >= CONFIDENT and statistics.sharpe_low > 0:
        return f"Above zero, but not proven once the search is counted ({numbers})."
    return f"No edge found after deflation ({numbers})."


def _variance(sharpes: np.ndarray, days: int) -> float:
    """Return the variance of the trials' daily Sharpe ratios; with fewer than 3 that of trials without skill."""
    if len(sharpes) < 3:
        return 1.0 / (days - 1)
    return float(np.var(sharpes / math.sqrt(DAYS_PER_YEAR), ddof=1))


def _overfitting(returns: np.ndarray) -> float:
    moving = returns[:, np.ptp(returns, axis=0) > 0]
    if moving.shape[1] < 2:
        return NAN
    return overfitting(moving).probability


def _superior(benchmark: np.ndarray, returns: np.ndarray) -> float:
    differing = returns[:, np.ptp(returns - benchmark[:, None], axis=0) > 0]
    return superior_ability(benchmark, differing).consistent if differing.shape[1] else NAN


def _nothing(found: Tried) -> TrialStatistics:
    nan = dict.fromkeys(
        (
            "effective",
            "probabilistic",
            "deflated",
            "deflated_effective",
            "luck",
            "luck_effective",
            "overfitting_probability",
            "record_years",
            "sharpe_low",
            "sharpe_high",
        ),
        NAN,
    )
    return TrialStatistics(trials=found.recipes, compared=found.peers.shape[1], superior={}, **nan)
