"""The information coefficient: how well scores foretell returns, by the one definition that everything here prints."""

from __future__ import annotations

from typing import Final

import numpy as np

FEWEST: Final = 30  # pairs under which a correlation says nothing


def information_coefficient(scores: np.ndarray, target: np.ndarray) -> float:
    """Return the Pearson correlation over rows where both are known; NaN under 30 of them, or where one never varies.

    This is the IC of screens, docs and gates: all bars, target from open to open and clipped at +-3, markets pooled.
    """
    known = np.isfinite(scores) & np.isfinite(target)
    if known.sum() < FEWEST or scores[known].std() == 0.0 or target[known].std() == 0.0:
        return float("nan")
    return float(np.corrcoef(scores[known], target[known])[0, 1])
