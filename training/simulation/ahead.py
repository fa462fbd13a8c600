"""The models that a simulation will ask for, fitted ahead and in parallel: their borders are known from the calendar.

Nothing leaks: a fit knows the labels settled by its border and nothing else, so when it is done is no matter. The
simulation finds them in the cache; what drift asks for in between is fitted when it is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from strategies.market import DAY_MS
from training.data.dataset import Dataset
from training.ensemble.plan import Plan, walk_folds
from training.ensemble.sees_others import sees_others
from training.families.interface import ModelFamily
from training.promotion.reused_family import border_key
from training.runtime.compute import Compute, fan_out
from training.runtime.file_cache import FileCache
from training.simulation.simulate import Routine, wanted_borders


def fit_ahead(
    everything: Dataset,
    families: Sequence[ModelFamily],
    plan: Plan,
    routine: Routine,
    start_ms: int,
    cache: FileCache,
    compute: Compute,
    say: Callable[[str], None],
) -> None:
    """Fit every model of the scheduled trainings into the cache.

    Args:
        everything: the dataset to the end of the simulation.
        families: not wrapped; one thread each.
        compute: who fits; the cache is written here alone.
    """
    borders = known_borders(everything, plan, routine, start_ms)
    ahead = [family for family in families if not sees_others(family, families)]  # their scores are not known yet
    tasks = [(family, border) for border in reversed(borders) for family in ahead]  # the longest first
    keys = [border_key(family, everything.until(until_ms), border_ms) for family, (border_ms, until_ms) in tasks]
    missing = [(key, *task) for key, task in zip(keys, tasks, strict=True) if cache.find(key) is None]
    say(f"{len(borders)} borders x {len(ahead)} families, {len(missing)} to fit")
    fan_out(partial(_fit, dataset=everything), missing, compute, lambda task, files: cache.keep(task[0], files))


def known_borders(everything: Dataset, plan: Plan, routine: Routine, start_ms: int) -> list[tuple[int, int]]:
    """Return (what a model knows, the candles there are then) of the scheduled trainings: folds, everything, the twin.

    A model of everything is fitted when its last candle has closed. The border of a fold or a twin lies in the past
    of its training, so the candle that opens at the border is there, and settles a label more.
    """
    found: set[tuple[int, int]] = set()
    twin_ms = plan.validation.refresh_window_d * DAY_MS + plan.embargo_ms
    for number, at_ms in enumerate(wanted_borders(start_ms, everything.until_ms, routine.retrain_months)):
        dataset = everything.until(at_ms)
        past = [fold.train_until_ms for fold in walk_folds(dataset, plan)]
        past += [dataset.until_ms - twin_ms] if number else []
        found |= {(border_ms, border_ms + everything.timeframe.ms) for border_ms in past}
        found.add((dataset.until_ms, dataset.until_ms))
    return sorted(found)


def _fit(task: tuple[str, ModelFamily, tuple[int, int]], *, dataset: Dataset) -> dict[str, bytes]:
    _, family, (border_ms, until_ms) = task
    return dict(family.fit(dataset.until(until_ms), border_ms).files)
