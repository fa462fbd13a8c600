"""Votes to one score: the weighted mean over who voted, and its exponential smoothing.

Pure arithmetic on the decision path; sums are spelled `(X * w).sum(1)`, since BLAS gives other bits for other batch
sizes.
"""

from __future__ import annotations

import numpy as np

from strategies.compiled import compiled


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
    return np.divide(score, total, out=np.full(len(votes), np.nan), where=total > 0)


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
