"""The families a bundle can be made of, behind one interface: fit on what is known by a time, get a predictor and
its files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from storage.config.models import RidgeSettings, XGBoostSettings
from storage.lazy import lazily
from strategies.errors import BadInput
from training.data.dataset import Dataset
from training.families.interface import FittedModel, ModelFamily
from training.families.xgboost.transfer import XGBoostSource

with lazily():
    from training.families import ridge
    from training.families.xgboost import trainer as xgboost


@dataclass(frozen=True, slots=True, kw_only=True)
class XGBoostFamily:
    """Boosted trees; see `training/families/xgboost/trainer.py`."""

    settings: XGBoostSettings = field(default_factory=XGBoostSettings)
    seed: int = 0
    threads: int = 1
    source: XGBoostSource | None = None
    name: str = "xgboost"

    def fit(self, dataset: Dataset, known_by_ms: int) -> FittedModel:
        return xgboost.fit(
            dataset, known_by_ms, self.settings, seed=self.seed, threads=self.threads, source=self.source
        )

    def describe(self) -> dict[str, object]:
        settings = self.settings.model_dump(mode="json")
        return settings | {"source": self.source.name} if self.source else settings


@dataclass(frozen=True, slots=True, kw_only=True)
class RidgeFamily:
    """The linear model; see `training/families/ridge.py`."""

    settings: RidgeSettings = field(default_factory=RidgeSettings)
    name: str = "ridge"

    def fit(self, dataset: Dataset, known_by_ms: int) -> FittedModel:
        return ridge.fit(dataset, known_by_ms, self.settings)

    def describe(self) -> dict[str, object]:
        return self.settings.model_dump(mode="json")


def choose(names: Sequence[str], makers: Mapping[str, Callable[[], ModelFamily]]) -> list[ModelFamily]:
    """Return the families called `names`, in that order.

    Raises:
        BadInput: a name is unknown or stands there twice.
    """
    for name in names:
        if name not in makers:
            raise BadInput(f"model family {name!r} is not one that votes; choose from {', '.join(makers)}")
    if len(set(names)) != len(names):
        raise BadInput(f"families are {', '.join(names)}; each is needed once at most")
    return [makers[name]() for name in names]
