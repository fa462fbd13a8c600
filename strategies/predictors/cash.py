"""Cash: no opinion, ever, while neither a model nor the trend rule has earned it. Positions fade out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from strategies.predictors.base import PreparedSlice

FAMILY: Final = "cash"


class CashPredictor:
    """Zero wherever deviations are known, so that what is held is closed and nothing is entered."""

    family = FAMILY

    def scores(self, slices: Sequence[PreparedSlice]) -> list[np.ndarray]:
        """Return (rows,) float64 zeros for each slice; NaN where the deviations are not known."""
        return [np.where(part.is_warm, 0.0, np.nan) for part in slices]
