"""LightGBM: XGBoost's best-known rival, on the same rows, horizons and mirror images. A model family in one file.

Install `lightgbm==4.6.0`, put this file into the folder of `[plugins] folder`, or install this package; then name it in
`[ensemble] families`, or try it: `sigma walk-forward --model-type xgboost,lightgbm --stress`.
"""

from __future__ import annotations

import json

import numpy as np
from pydantic import BaseModel, Field

from strategies.predictors.base import asked_features, split_scores
from strategies.predictors.plugin import FamilyPlugin

SCALE_ROWS = 20_000  # rows that a horizon's scores are scaled by


class Settings(BaseModel):
    """`[plugins.settings.lightgbm]`; the defaults are those of `[xgboost]` where both know the word."""

    n_estimators: int = Field(250, ge=1, le=20_000)  # trees of each horizon
    num_leaves: int = Field(8, ge=2, le=1024)  # of a tree; 8 are the leaves of depth 3
    learning_rate: float = Field(0.05, gt=0, le=1)
    subsample: float = Field(0.5, gt=0, le=1)  # share of the rows per tree
    colsample_bytree: float = Field(0.5, gt=0, le=1)  # share of the columns per tree
    min_child_samples: int = Field(300, ge=1, le=1_000_000)  # rows of a leaf, mirror images counted
    reg_lambda: float = Field(10.0, ge=0)
    max_bin: int = Field(63, ge=2, le=1023)
    every_bars: int = Field(3, ge=1, le=100)  # train on every n-th bar


class LightgbmPredictor:
    """Half the difference between a market's score and its mirror image's, each horizon in its own deviation."""

    family = "lightgbm"

    def __init__(self, boosters, directional, deviations) -> None:
        self._boosters, self._deviations = boosters, deviations
        self._signs = np.where(directional, -1.0, 1.0).astype(np.float32)

    def scores(self, slices):
        """Return for each slice (rows,) float64."""
        return split_scores(self.score_rows(asked_features(slices)), slices)

    def score_rows(self, features):
        """Return (n,) float64 scores of (n, F) features."""
        total = np.zeros(len(features))
        for booster, deviation in zip(self._boosters, self._deviations, strict=True):
            upright, mirrored = (
                booster.predict(values, num_threads=1) for values in (features, features * self._signs)
            )
            total += 0.5 * (upright - mirrored) / deviation
        return total / len(self._boosters)


def fit(dataset, known_by_ms, settings, seed):
    """Fit a booster for each horizon on the rows that teach XGBoost's first seed, and on their mirror images."""
    import lightgbm

    signs = np.where(dataset.features.directional, -1.0, 1.0).astype(np.float32)
    every_bars = dataset.step_of(settings.every_bars)
    models, deviations = [], []
    for number, horizon in enumerate(dataset.all_horizons):
        rows = dataset.known_by(known_by_ms, every_bars=every_bars, phase=number % every_bars, horizon_bars=horizon)
        target = rows.target.astype(np.float32)
        data = lightgbm.Dataset(
            np.concatenate([rows.features, rows.features * signs]),
            np.concatenate([target, -target]),
            weight=np.concatenate([rows.weight, rows.weight]),
            params={"max_bin": settings.max_bin, "verbosity": -1},
        )
        booster = lightgbm.train(_parameters(settings, seed + number), data, settings.n_estimators)
        models.append(booster.model_to_string())
        part = rows.features[:: max(1, len(rows) // SCALE_ROWS)]
        own = LightgbmPredictor([booster], dataset.features.directional, [1.0]).score_rows(part)
        deviations.append(max(float(own.std()), 1e-9))
    about = {"deviations": deviations, "directional": dataset.features.directional.tolist()}
    files = {f"lightgbm-{number:02d}.txt": text.encode() for number, text in enumerate(models)}
    return {**files, "lightgbm.json": json.dumps(about).encode()}


def load(files, settings):
    """Return the predictor of the files that `fit` gave: LightGBM's own text, no pickle."""
    import lightgbm

    about = json.loads(files["lightgbm.json"])
    boosters = [lightgbm.Booster(model_str=files[name].decode()) for name in sorted(files) if name.endswith(".txt")]
    return LightgbmPredictor(boosters, np.array(about["directional"]), about["deviations"])


def _parameters(settings, seed):
    return {
        "objective": "regression",
        "num_leaves": settings.num_leaves,
        "learning_rate": settings.learning_rate,
        "bagging_fraction": settings.subsample,
        "bagging_freq": 1,
        "feature_fraction": settings.colsample_bytree,
        "min_data_in_leaf": settings.min_child_samples,
        "lambda_l2": settings.reg_lambda,
        "boost_from_average": False,
        "max_bin": settings.max_bin,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "seed": seed,
        "verbosity": -1,
    }


family = FamilyPlugin(name="lightgbm", fit=fit, load=load, settings=Settings)
