"""A family whose fits are kept on disk: a border that was fitted before is found again, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from strategies.predictors.base import Predictor
from strategies.predictors.load import load_predictor
from training.data.dataset import Dataset
from training.data.splits import Fold
from training.families.interface import ModelFamily
from training.runtime.file_cache import FileCache
from training.walk_forward.fold_cache import fold_key


@dataclass(frozen=True, slots=True, kw_only=True)
class ReusedModel:
    """A model as its bundle files, loaded as live loads it."""

    files: Mapping[str, bytes]
    predictor: Predictor


@dataclass(frozen=True, slots=True, kw_only=True)
class ReusedFamily:
    """`family`, asking the cache first. It makes the same recipe."""

    family: ModelFamily
    cache: FileCache

    @property
    def name(self) -> str:
        return self.family.name

    def describe(self) -> dict[str, object]:
        """Return the settings that make the recipe."""
        return self.family.describe()

    def fit(self, dataset: Dataset, known_by_ms: int) -> ReusedModel:
        """Return the model of what is known by a time, fitted only if it was not before."""
        files = self.cache.files(
            border_key(self.family, dataset, known_by_ms), lambda: self.family.fit(dataset, known_by_ms).files
        )
        return ReusedModel(files=files, predictor=load_predictor(self.name, files, dataset.features))


def border_key(family: ModelFamily, dataset: Dataset, known_by_ms: int) -> str:
    """Return the key under which a model of what is known by a time is kept."""
    border = Fold(train_until_ms=known_by_ms, start_ms=known_by_ms + 1, end_ms=known_by_ms + 2)
    return fold_key(family, dataset, border)
