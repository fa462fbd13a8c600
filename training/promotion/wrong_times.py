"""The time-shift placebo: scores laid beside what came at other times than their own must foretell nothing.

What is left there is no foresight: a leak through the scaling, or a standing bet on one side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from strategies.oversight.skill import information_coefficient
from training.data.market_scores import MarketScores
from training.promotion.known_answer_result import KnownAnswerResult

SHIFTS: Final = 22
DEVIATIONS: Final = 2.0


def at_wrong_times(families: Sequence[str], runs: Sequence[MarketScores]) -> list[KnownAnswerResult]:
    """Return a finding a family: its out-of-fold scores, shifted by equal steps around each run, have no skill."""
    target = np.concatenate([run.target for run in runs])
    found = []
    for column, family in enumerate(families):
        ics = np.array([_ic_of(runs, column, target, number) for number in range(1, SHIFTS + 1)])
        mean, deviation = float(ics.mean()), float(ics.std(ddof=1))
        words = f"{family}: IC {mean:+.4f} over {SHIFTS} shifts of the scores in time, deviation {deviation:.4f}"
        words += f" (within {DEVIATIONS:g} deviations of 0 is needed)"
        passed = abs(mean) <= DEVIATIONS * deviation
        found.append(KnownAnswerResult(name="nothing at wrong times", passed=passed, sentence=words))
    return found


def _ic_of(runs: Sequence[MarketScores], column: int, target: np.ndarray, number: int) -> float:
    moved = [np.roll(run.scores[:, column], number * len(run.target) // (SHIFTS + 1)) for run in runs]
    return information_coefficient(np.concatenate(moved), target)
