"""Boosted trees: the mean of a few seeds for each horizon, antisymmetric by construction.

Each tree ensemble is asked twice, about the market and about its mirror image; half the difference is the score, so
that a market turned upside down gets exactly the opposite score. Models are UBJSON bytes, never pickles.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from strategies.errors import BundleRefused
from strategies.predictors.base import PreparedSlice, asked_features, split_scores
from strategies.predictors.xgboost_trees import require_sound_trees

FAMILY: Final = "xgboost"
FILE_PREFIX: Final = "xgboost-"
FILE_SUFFIX: Final = ".ubj"
HORIZONS_FILE: Final = "xgboost-horizons.json"


def import_xgboost() -> Any:
    """Import xgboost without scikit-learn, which it would load when installed: 60 MB that scoring has no use for."""
    if "xgboost" in sys.modules or "sklearn" in sys.modules:
        return importlib.import_module("xgboost")
    sys.modules["sklearn"] = None  # type: ignore[assignment]
    try:
        return importlib.import_module("xgboost")
    finally:
        del sys.modules["sklearn"]


class XGBoostPredictor:
    """Scores of one or more boosters trained on mirrored data.

    Args:
        boosters: UBJSON bytes, one per seed of each horizon, horizon after horizon.
        directional: (F,) bool, the columns that change sign in the mirror.
        deviations: of each horizon's scores; with several horizons, the score is the mean of score / deviation.

    Raises:
        BundleRefused: the bytes are not a model of so many features.
    """

    family = FAMILY

    def __init__(
        self, boosters: Sequence[bytes], directional: np.ndarray, deviations: Sequence[float] = (1.0,)
    ) -> None:
        if not boosters or len(boosters) % len(deviations):
            raise BundleRefused(
                f"found {len(boosters)} boosters for {len(deviations)} horizons, needed equally many xgboost-….ubj each"
            )
        self._scales = np.repeat(1.0 / np.array(deviations, float), len(boosters) // len(deviations)).tolist()
        self._xgboost = import_xgboost()
        self._boosters = [self._load(raw, len(directional)) for raw in boosters]
        self._signs = np.where(directional, -1.0, 1.0).astype(np.float32)

    def scores(self, slices: Sequence[PreparedSlice]) -> list[np.ndarray]:
        """Return (rows,) float64 for each slice: expected scaled return before calibration; NaN where not warm."""
        return split_scores(self.score_rows(asked_features(slices)), slices) if slices else []

    def score_rows(self, features: np.ndarray) -> np.ndarray:
        """Return the (n,) float64 scores of (n, F) float32 rows."""
        total = np.zeros(len(features))
        for scale, (plain, mirrored) in zip(self._scales, self._both(features, {}), strict=True):
            total += 0.5 * scale * (plain.astype(np.float64) - mirrored.astype(np.float64))
        return total / len(self._boosters)

    def contributions(self, features: np.ndarray) -> np.ndarray:
        """Return (n, F) float64 contributions (SHAP values) that sum to the scores up to float32 rounding."""
        total = np.zeros(features.shape)
        for scale, (plain, mirrored) in zip(self._scales, self._both(features, {"pred_contribs": True}), strict=True):
            total += 0.5 * scale * (plain[:, :-1].astype(np.float64) - mirrored[:, :-1].astype(np.float64))
        return total / len(self._boosters)

    def _both(self, features: np.ndarray, options: dict[str, bool]) -> list[tuple[np.ndarray, np.ndarray]]:
        image = self._xgboost.DMatrix(features * self._signs, nthread=1)
        matrix = self._xgboost.DMatrix(features, nthread=1)
        return [(booster.predict(matrix, **options), booster.predict(image, **options)) for booster in self._boosters]

    def _load(self, raw: bytes, columns: int) -> Any:
        require_sound_trees(raw, columns)
        booster = self._xgboost.Booster({"nthread": 1})
        try:
            booster.load_model(bytearray(raw))
        except self._xgboost.core.XGBoostError as error:
            reason = str(error).splitlines()[0]
            raise BundleRefused(f"xgboost model of {len(raw)} bytes cannot be read: {reason}") from error
        return booster


def load(files: Mapping[str, bytes], directional: np.ndarray) -> XGBoostPredictor:
    """Return the predictor of a bundle's files, boosters in name order.

    Raises:
        BundleRefused: a file is damaged.
    """
    deviations = [1.0]
    if HORIZONS_FILE in files:
        try:
            deviations = [float(value) for value in json.loads(files[HORIZONS_FILE])["deviations"]]
        except (ValueError, TypeError, KeyError) as error:
            raise BundleRefused(f"{HORIZONS_FILE} cannot be read: {error!r}") from error
        if not deviations or not all(0 < value < float("inf") for value in deviations):
            raise BundleRefused(f"{HORIZONS_FILE} has deviations {deviations}; all above 0 are needed")
    names = sorted(name for name in files if name.startswith(FILE_PREFIX) and name.endswith(FILE_SUFFIX))
    return XGBoostPredictor([files[name] for name in names], directional, deviations)
