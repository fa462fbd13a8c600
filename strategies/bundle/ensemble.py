"""Ensemble, votes to one score: the weighted mean over who voted, and its exponential smoothing.

PPO does not vote in the mean, it joins the conviction afterwards: as an equal voter it costs more than it brings.
Pure arithmetic on the decision path; sums are spelled `(X * w).sum(1)`, since BLAS gives other bits for other batch
sizes.
"""

from __future__ import annotations

import numpy as np

from strategies.kernel.compiled import compiled


def blend(votes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted mean of the finite votes of each row.

    Args:
        votes: (n, K) float64, standardised; NaN: absent.
        weights: (K,) float64 >= 0.

    Returns:
        (n,) float64; NaN where no voter with weight was finite.
    """
    votes = np.ascontiguousarray(votes, np.float64)
    finite = np.isfinite(votes)
    total = (finite * weights).sum(1)  # (n,)
    score = (np.where(finite, votes, 0.0) * weights).sum(1)
    found: np.ndarray = np.divide(score, total, out=np.full(len(votes), np.nan), where=total > 0)
    return found


def join(conviction: np.ndarray, vote: np.ndarray, weight: float) -> np.ndarray:
    """Return the convictions that PPO has joined: (1 - weight) x conviction + weight x vote.

    Args:
        conviction: smoothed, in unit deviations; any shape.
        vote: PPO's standardised score, the same shape; where it is NaN the conviction stays as it is.
        weight: 0..1.
    """
    return np.where(np.isfinite(vote), (1.0 - weight) * conviction + weight * vote, conviction)


def agreement(conviction: np.ndarray, exposure: np.ndarray) -> np.ndarray:
    """Return how far PPO agrees with the side of each conviction, -1..1; 0 where it wants nothing or is absent.

    Args:
        conviction: its sign is the side; any shape, NaN allowed.
        exposure: that PPO wants, -1..1, the same shape.
    """
    found: np.ndarray = np.nan_to_num(np.clip(exposure, -1.0, 1.0) * np.sign(conviction))
    return found


@compiled
def smooth(memory: np.ndarray, scores: np.ndarray, alpha: float) -> None:
    """Move every market's smoothed score towards its new one, in place: s += alpha x (score - s). A NaN score counts
    as 0.

    Args:
        memory: (M,) MEMORY.
        scores: (M,) float64, blended, standardised.
        alpha: 2 / (span + 1).
    """
    for m in range(len(memory)):
        score = 0.0 if np.isnan(scores[m]) else scores[m]
        memory[m].smoothed += alpha * (score - memory[m].smoothed)
        memory[m].decisions += 1
