"""The model family: one way to learn, behind one interface, and what it gives: a predictor and its files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from strategies.predictors.base import Predictor
from training.data.dataset import Dataset


class FittedModel(Protocol):
    """A trained model: what scores, and what is written into a bundle."""

    @property
    def predictor(self) -> Predictor: ...

    @property
    def files(self) -> Mapping[str, bytes]: ...


class ModelFamily(Protocol):
    """One way to learn. `fit` may be called for many borders and must give equal bytes for equal arguments."""

    @property
    def name(self) -> str: ...

    def fit(self, dataset: Dataset, known_by_ms: int) -> FittedModel:
        """Learn from the labels of `dataset` that were settled by `known_by_ms`, and from nothing else."""
        ...

    def describe(self) -> dict[str, object]:
        """Return the settings that make the recipe, for the record and the recipe's digest."""
        ...
