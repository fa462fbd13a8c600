"""The ridge trainer: the linear yardstick that also votes, from directional columns and their interactions with
volatility.

One solve of the normal equations; a second of work on eight years of three markets. With several horizons the inputs
are the same and the targets differ: the mean of their standardised forecasts is one linear model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from storage.config.models import RidgeSettings
from strategies.errors import BadInput
from strategies.predictors.ridge import CLIP, FILE, RidgePredictor, design_of
from training.data.dataset import Dataset, Rows

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
    design = design_of(dataset.features, settings.interactions)
    if not len(design.directional):
        raise BadInput("ridge needs directional features; the chosen groups have none")
    every_bars = dataset.step_of(1)
    several = len(dataset.all_horizons) > 1
    deviations: np.ndarray | None = None
    total: np.ndarray | None = None
    for horizon in dataset.all_horizons:
        rows = dataset.known_by(known_by_ms, every_bars=every_bars, horizon_bars=horizon)
        if len(rows) < MIN_ROWS:
            raise BadInput(f"ridge: found {len(rows)} labelled rows before the border, needed at least {MIN_ROWS}")
        inputs = design.expand(rows.features)
        deviations = inputs.std(0) + 1e-6 if deviations is None else deviations
        inputs = np.clip(inputs / deviations, -CLIP, CLIP)
        weights = _solve(inputs, rows, settings.penalty, min(1.0, ROW_WEIGHT * every_bars))
        own = weights / max(float((inputs @ weights).std()), 1e-9) if several else weights
        total = own if total is None else total + own
    assert deviations is not None
    assert total is not None
    return RidgeModel(predictor=RidgePredictor(design, deviations, total / len(dataset.all_horizons)), rows=len(rows))


def _solve(inputs: np.ndarray, rows: Rows, penalty: float, row_weight: float) -> np.ndarray:
    weighted = inputs if (rows.weight == 1).all() else inputs * rows.weight[:, None]
    products = row_weight * (weighted.T @ inputs) + penalty * np.eye(inputs.shape[1])
    return np.asarray(np.linalg.solve(products, row_weight * (weighted.T @ rows.target)))
