"""Predictor: prepared slices in, one score a row out.

A score is an expected forward return in the market's own deviations, up to a scale that the bundle knows.
Every predictor gives the same bits for one row or a thousand, in any order: no `@` (BLAS rounds by shape), sums by
`(x * w).sum(1)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from strategies.market import CandleArray


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedSlice:
    """An anchored slice with everything that predictors read, computed once.

    Attributes:
        candles: (n, 6) float64; row 0 is the anchor.
        features: (n, F) float32.
        sigma: (n,) float64, per-bar deviation; NaN while it warms up.
        volatility: (n,) float64, slow annual volatility; NaN while it warms up.
        first: rows `first..n-1` are asked for.
        symbol: canonical.
    """

    candles: CandleArray
    features: np.ndarray
    sigma: np.ndarray
    volatility: np.ndarray
    first: int
    symbol: str

    @property
    def rows(self) -> int:
        """How many rows are asked for."""
        return len(self.candles) - self.first

    @property
    def is_warm(self) -> np.ndarray:
        """(rows,) bool: deviations are known, so a score means something."""
        found: np.ndarray = np.isfinite(self.sigma[self.first :]) & np.isfinite(self.volatility[self.first :])
        return found


class Predictor(Protocol):
    """A verified model that scores prepared slices."""

    @property
    def family(self) -> str:
        """Its name in the manifest: xgboost, ridge, lstm, ppo, trend."""
        ...

    def scores(self, slices: Sequence[PreparedSlice]) -> list[np.ndarray]:
        """Return for each slice (rows,) float64 scores of the rows asked for; NaN where there is none."""
        ...


def asked_features(slices: Sequence[PreparedSlice]) -> np.ndarray:
    """Return the (N, F) float32 features of all rows asked for, slice after slice."""
    return np.concatenate([part.features[part.first :] for part in slices])


def split_scores(scores: np.ndarray, slices: Sequence[PreparedSlice]) -> list[np.ndarray]:
    """Cut (N,) scores back into the slices they came from; NaN where a slice is not warm."""
    borders = np.cumsum([part.rows for part in slices])[:-1]
    return [
        np.where(part.is_warm, piece, np.nan) for part, piece in zip(slices, np.split(scores, borders), strict=True)
    ]
