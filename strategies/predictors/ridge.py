"""A linear model of the directional features and their interactions with the state of volatility.

No intercept and only directional columns, so a mirrored market gets exactly the opposite score.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from strategies.errors import BundleRefused
from strategies.features import FeatureSet
from strategies.predictors.base import PreparedSlice, asked_features, split_scores

FAMILY: Final = "ridge"
FILE: Final = "ridge.json"
CLIP: Final = 4.0  # deviations; beyond that a linear model extrapolates
MODULATORS: Final = ("volatility_short_to_middle", "volatility_middle_to_long")


@dataclass(frozen=True, slots=True, kw_only=True)
class RidgeDesign:
    """Which columns a linear model sees.

    Attributes:
        directional: (D,) int64 column indices.
        modulators: (J,) int64 column indices of the volatility states that every directional column is multiplied with.
    """

    directional: np.ndarray
    modulators: np.ndarray

    def expand(self, features: np.ndarray) -> np.ndarray:
        """Return the (n, D * (1 + J)) float64 inputs of (n, F) features; unknown values count as 0."""
        plain = features[:, self.directional].astype(np.float64)
        blocks = [plain]
        for column in self.modulators:
            state = np.clip(features[:, column].astype(np.float64), -1.0, 1.0)
            blocks.append(plain * state[:, None])
        return np.nan_to_num(np.concatenate(blocks, axis=1))


def design_of(features: FeatureSet, interactions: bool = True) -> RidgeDesign:
    """Return the columns for a feature set; interactions only where it has the volatility states."""
    states = [features.index(name) for name in MODULATORS if interactions and name in features.names]
    return RidgeDesign(directional=np.flatnonzero(features.directional), modulators=np.array(states, np.int64))


class RidgePredictor:
    """Scores by a weighted sum of scaled inputs.

    Args:
        design: the columns.
        deviations: (K,) float64 > 0, scale of each input.
        weights: (K,) float64.
    """

    family = FAMILY

    def __init__(self, design: RidgeDesign, deviations: np.ndarray, weights: np.ndarray) -> None:
        columns = len(design.directional) * (1 + len(design.modulators))
        if deviations.shape != (columns,) or weights.shape != (columns,) or not columns:
            raise BundleRefused(
                f"ridge has {deviations.shape} deviations and {weights.shape} weights, its columns need ({columns},)"
            )
        if not (np.isfinite(weights).all() and np.isfinite(deviations).all() and (deviations > 0).all()):
            raise BundleRefused("ridge has weights or deviations that are not finite; finite ones are needed")
        self.design, self.deviations, self.weights = design, deviations, weights

    def scores(self, slices: Sequence[PreparedSlice]) -> list[np.ndarray]:
        """Return (rows,) float64 for each slice: expected scaled return before calibration; NaN where not warm."""
        return split_scores(self.score_rows(asked_features(slices)), slices) if slices else []

    def score_rows(self, features: np.ndarray) -> np.ndarray:
        """Return the (n,) float64 scores of (n, F) float32 rows."""
        found: np.ndarray = np.ascontiguousarray(self.inputs(features) * self.weights).sum(1)
        return found

    def contributions(self, features: np.ndarray) -> np.ndarray:
        """Return (n, F) float64: what each directional column adds to the scores, its interactions included."""
        parts = self.inputs(features) * self.weights
        result = np.zeros(features.shape)
        for block in np.split(parts, 1 + len(self.design.modulators), axis=1):
            result[:, self.design.directional] += block
        return result

    def inputs(self, features: np.ndarray) -> np.ndarray:
        """Return the (n, K) scaled and clipped inputs."""
        found: np.ndarray = np.clip(self.design.expand(features) / self.deviations, -CLIP, CLIP)
        return found

    def to_bytes(self) -> bytes:
        """Return the JSON document that `load` reads; floats survive unchanged."""
        document = {
            "directional": self.design.directional.tolist(),
            "modulators": self.design.modulators.tolist(),
            "deviations": self.deviations.tolist(),
            "weights": self.weights.tolist(),
        }
        return json.dumps(document, sort_keys=True).encode()


def load(files: Mapping[str, bytes]) -> RidgePredictor:
    """Return the predictor of a bundle's files.

    Raises:
        BundleRefused: the document is damaged.
    """
    try:
        document = json.loads(files[FILE])
        design = RidgeDesign(
            directional=np.array(document["directional"], np.int64),
            modulators=np.array(document["modulators"], np.int64),
        )
        return RidgePredictor(design, np.array(document["deviations"], float), np.array(document["weights"], float))
    except (KeyError, ValueError, TypeError) as error:
        raise BundleRefused(f"{FILE} cannot be read: {error!r}") from error
