"""The fits of a training, in one place: a family at a border in time, some coins left out, found again or carried out.

Every fit is a unit named by what shapes it (see `training/families/fold_cache.py`). Units that were fitted before are
read from the cache; the others go to processes of this machine or of a cluster, the longest first, and are kept here
when they come. Who carries them out changes no bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from strategies.predictors.base import Predictor
from strategies.predictors.load import load_predictor
from training.data.coin_groups import Groups
from training.data.dataset import Dataset
from training.data.splits import Fold
from training.ensemble.out_of_fold import fit_fold, walk
from training.ensemble.sees_others import dataset_for, sees_others
from training.families.fold_cache import border, candles_digest, fold_key
from training.families.interface import ModelFamily
from training.runtime.compute import Compute, fan_out
from training.runtime.file_cache import FileCache

EVERYONE: Final = -1  # instead of the number of a group: no coin is left out


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A unit that is there: `number` of `total`; `found`: in the cache."""

    family: str
    fold: Fold
    number: int
    total: int
    found: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What fits may use: where models are kept, who carries them out, who is told; coins left out."""

    groups: Groups = ()
    cache: FileCache = field(default_factory=FileCache)
    compute: Compute = field(default_factory=Compute)
    on_fit: Callable[[Fitted], None] = lambda _: None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldModel:
    """A fold's model as its bundle files, loaded as live loads it; `key`: under which it is kept, "": nowhere."""

    files: Mapping[str, bytes]
    predictor: Predictor
    key: str = ""


Unit = tuple[ModelFamily, Fold, int]  # family, fold, group of coins left out
FoldModels = Mapping[tuple[str, Fold, int], FoldModel]  # the same, by the family's name


def fit_folds(
    dataset: Dataset,
    families: Sequence[ModelFamily],
    folds: Sequence[Fold],
    means: Means,
    borders: Sequence[int] = (),
) -> FoldModels:
    """Return the model of every family and fold, fitted in parallel or found in the cache.

    PPO beside others comes after them: it learns from their scores of the folds before its own.

    Args:
        borders: times; a model of what was known by each, no coin left out, comes too: `models[name, border(ms),
            EVERYONE]`.
    """
    groups = range(max(1, len(means.groups)))
    wanted = [(fold, group) for fold in folds for group in groups] + [(border(ms), EVERYONE) for ms in borders]
    first = [family for family in families if not sees_others(family, families)]
    readers = [family for family in families if sees_others(family, families)]
    count = _Counter(means.on_fit, len(families) * len(wanted))
    models = _fit(dataset, [(family, *unit) for unit in wanted for family in first], means, count)
    if not readers:
        return models
    runs = walk(
        dataset,
        first,
        folds,
        fit=lambda family, _, fold, group: models[family.name, fold, group],
        groups=means.groups,
        cache=means.cache,
    )
    learnt = dataset_for(readers[0], families, dataset, runs, [family.name for family in first])
    return {**models, **_fit(learnt, [(family, *unit) for unit in wanted for family in readers], means, count)}


def models_at(models: FoldModels, families: Sequence[ModelFamily], ms: int) -> list[FoldModel]:
    """Return the families' models of what was known by a time."""
    return [models[family.name, border(ms), EVERYONE] for family in families]


class _Counter:
    """Tells how many units are there."""

    def __init__(self, on_fit: Callable[[Fitted], None], total: int) -> None:
        self._on_fit = on_fit
        self._total = total
        self._number = 0

    def __call__(self, unit: Unit, *, found: bool) -> None:
        self._number += 1
        family, fold, _ = unit
        self._on_fit(Fitted(family=family.name, fold=fold, number=self._number, total=self._total, found=found))


def _fit(dataset: Dataset, units: Sequence[Unit], means: Means, count: _Counter) -> FoldModels:
    keys = _keys(dataset, units, means) if means.cache.root is not None else [""] * len(units)
    fitted: dict[int, Mapping[str, bytes]] = {}
    for number, key in enumerate(keys):
        found = means.cache.find(key) if key else None
        if found is not None:
            fitted[number] = found
            count(units[number], found=True)

    def keep(task: tuple[int, Unit], files: Mapping[str, bytes]) -> None:
        number, unit = task
        fitted[number] = files
        if keys[number]:
            means.cache.keep(keys[number], files)
        count(unit, found=False)

    missing = [(number, unit) for number, unit in enumerate(units) if number not in fitted]
    missing.sort(key=lambda task: (-task[1][1].train_until_ms, task[0]))
    fan_out(partial(_fitted, dataset=dataset, groups=means.groups), missing, means.compute, keep)
    return {
        (family.name, fold, group): FoldModel(
            files=fitted[number],
            predictor=load_predictor(family.name, fitted[number], dataset.features),
            key=keys[number],
        )
        for number, (family, fold, group) in enumerate(units)
    }


def _keys(dataset: Dataset, units: Sequence[Unit], means: Means) -> list[str]:
    """Return the names of units; what several families see of the candles is read once."""
    seen: dict[tuple[Fold, int], bytes] = {}
    names = []
    for family, fold, group in units:
        taught = dataset.taught(_left_out(means.groups, group))
        if (fold, group) not in seen:
            seen[fold, group] = candles_digest(taught, fold)
        names.append(fold_key(family, taught, fold, seen[fold, group]))
    return names


def _fitted(task: tuple[int, Unit], *, dataset: Dataset, groups: Groups) -> dict[str, bytes]:
    family, fold, group = task[1]
    return dict(fit_fold(family, dataset.taught(_left_out(groups, group)), fold).files)


def _left_out(groups: Groups, group: int) -> tuple[str, ...]:
    return groups[group] if groups and group != EVERYONE else ()
