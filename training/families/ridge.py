"""The ridge trainer: the linear yardstick that also votes, from directional columns and their interactions with
volatility.

One solve of the normal equations; a second of work on eight years of three markets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from storage.config.models import RidgeSettings
from strategies.errors import BadInput
from strategies.predictors.ridge import CLIP, FILE, RidgePredictor, design_of
from training.data.dataset import Dataset

ROW_WEIGHT: Final = 1.0 / 3.0  # neighbouring rows hardly differ: three count as one against the penalty
MIN_ROWS: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class RidgeModel:
    """A fitted predictor and the number of rows it saw."""

    predictor: RidgePredictor
    rows: int

    @property
    def files(self) -> dict[str, bytes]:
        """The files of a bundle."""
        return {FILE: self.predictor.to_bytes()}


def fit(dataset: Dataset, known_by_ms: int, settings: RidgeSettings) -> RidgeModel:
    """Fit on every label settled by a time: argmin |z - Xw|^2 / 3 + penalty |w|^2, inputs scaled and
    clipped, no intercept.

    Raises:
        BadInput: under `MIN_ROWS` rows, or no directional column.
    """
    rows = dataset.known_by(known_by_ms)
    if len(rows) < MIN_ROWS:
        raise BadInput(f"ridge: found {len(rows)} labelled rows before the border, needed at least {MIN_ROWS}")
    design = design_of(dataset.features, settings.interactions)
    if not len(design.directional):
        raise BadInput("ridge needs directional features; the chosen groups have none")
    inputs = design.expand(rows.features)
    deviations = inputs.std(0) + 1e-6
    inputs = np.clip(inputs / deviations, -CLIP, CLIP)
    weighted = inputs if (rows.weight == 1).all() else inputs * rows.weight[:, None]
    products = ROW_WEIGHT * (weighted.T @ inputs) + settings.penalty * np.eye(inputs.shape[1])
    weights = np.linalg.solve(products, ROW_WEIGHT * (weighted.T @ rows.target))
    return RidgeModel(predictor=RidgePredictor(design, deviations, weights), rows=len(rows))
