"""The models that a simulation will ask for, fitted ahead and in parallel: their borders are known from the calendar.

Nothing leaks: a fit knows the labels settled by its border and nothing else, so when it is done is no matter. The
simulation finds them in the cache; what drift asks for in between is fitted when it is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from training.data.dataset import Dataset
from training.ensemble.bundle import known_by_end
from training.ensemble.fits import Means
from training.ensemble.plan import Plan, groups_of, walk_folds
from training.ensemble.sees_others import sees_others
from training.families.fold_cache import border, fold_key
from training.families.interface import ModelFamily
from training.promotion.similarity import twin_border
from training.runtime.compute import fan_out
from training.simulation.simulate import Routine, wanted_borders

Task = tuple[str, ModelFamily, int, tuple[str, ...]]  # key, family, what is known by then, coins left out


def fit_ahead(
    everything: Dataset, plan: Plan, routine: Routine, start_ms: int, means: Means, say: Callable[[str], None]
) -> None:
    """Fit every model of the scheduled trainings into the cache.

    Args:
        everything: the dataset to the end of the simulation.
        plan: its families have one thread each.
        means: who fits; the cache is written here alone.
    """
    borders = known_borders(everything, plan, routine, start_ms)
    ahead = [family for family in plan.families if not sees_others(family, plan.families)]  # theirs come later
    missing: dict[str, Task] = {}
    for ms, left_out in reversed(borders):  # the longest first
        taught = everything.until(ms + everything.timeframe.ms).taught(left_out)
        for family in ahead:
            key = fold_key(family, taught, border(ms))
            if means.cache.find(key) is None:
                missing[key] = (key, family, ms, left_out)
    say(f"{len(borders)} borders x {len(ahead)} families, {len(missing)} to fit")
    fit = partial(_fit, dataset=everything)
    fan_out(fit, missing.values(), means.compute, lambda task, files: means.cache.keep(task[0], files))


def known_borders(
    everything: Dataset, plan: Plan, routine: Routine, start_ms: int
) -> list[tuple[int, tuple[str, ...]]]:
    """Return (what a model knows, the coins left out) of the scheduled trainings: folds, everything, the twin.

    The candle that opens at a border is there: it settles the border's last label.
    """
    found: set[tuple[int, tuple[str, ...]]] = set()
    trained: list[int] = []
    for at_ms in wanted_borders(start_ms, everything.until_ms, routine.retrain_months):
        dataset = everything.until(at_ms)
        groups: Sequence[tuple[str, ...]] = groups_of(dataset, plan) or ((),)
        found |= {(fold.train_until_ms, group) for fold in walk_folds(dataset, plan) for group in groups}
        found.add((known_by_end(dataset), ()))
        if trained:
            found.add((twin_border(dataset, plan.validation.refresh_window_d, plan.embargo_ms, trained), ()))
        trained.append(dataset.until_ms)
    return sorted(found)


def _fit(task: Task, *, dataset: Dataset) -> dict[str, bytes]:
    _, family, ms, left_out = task
    return dict(family.fit(dataset.until(ms + dataset.timeframe.ms).taught(left_out), ms).files)
