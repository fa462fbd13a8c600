"""A walk forward of 24 folds on a cluster: how much faster two nodes are than one, and what a killed worker costs.

    python -m benchmarks.fan_out [--bars 16000] [--trees 200] [--json]

Two Ray nodes of one processor each run on this machine; the rival is the same walk forward on one of them. The killed
worker is killed in the middle of a fit. The schedule of 100 nodes is not run but replayed: the driver's own loop over a
pool whose units take as long as these fits were measured to take, in made-up time; what the driver itself spends on it
is measured.
"""

from __future__ import annotations

import heapq
import logging
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks.figures import Figure, parser, show
from benchmarks.worlds import World, dataset_of
from storage.config.models import XGBoostSettings
from strategies.market import DAY_MS
from training.data.dataset import Dataset
from training.data.splits import EMBARGO_MS, Fold
from training.ensemble.families import XGBoostFamily
from training.ensemble.fits import Means, fit_folds
from training.ensemble.out_of_fold import fit_fold
from training.families.interface import ModelFamily
from training.runtime.compute import Compute, Work, fan_out
from training.runtime.file_cache import FileCache

FOLDS: Final = 24
NODES: Final = 100
GROUPS: Final = 20  # seeds, groups of coins and families of a replayed walk forward: units of a fold
KILLED: Final = 5  # the unit whose worker is killed


def main() -> None:
    """Measure and print."""
    arguments = parser("fan_out", str(__doc__).splitlines()[0])
    arguments.add_argument("--bars", type=int, default=16_000, help="of each of three made-up markets")
    arguments.add_argument("--trees", type=int, default=200, help="of a fit")
    options = arguments.parse_args()
    dataset = dataset_of(World(kind="generated", seed=1, edge=0.1), options.bars)
    family = XGBoostFamily(settings=XGBoostSettings(n_estimators=options.trees, seeds=1, every_bars=1))
    folds = folds_of(dataset)
    here, durations = fitted_here(family, dataset, folds)
    with tempfile.TemporaryDirectory() as folder:
        with nodes(1) as address:
            one_s, alone = timed(dataset, family, folds, address)
        with nodes(2) as address:
            two_s, together = timed(dataset, family, folds, address)
            started, killed = with_a_killed_worker(dataset, family, folds, address, folder)
        speedup, driver_share = replayed(durations, here, folder)
    differing = sum(found != here for found in (alone, together, killed))
    show(
        "fan_out",
        [
            Figure(name="two_nodes_s", value=two_s, unit="s", rival="one node", rival_value=one_s),
            Figure(name="speedup_of_two_nodes", value=one_s / two_s, unit="x", goal=">= 1.7"),
            Figure(name="differing_runs", value=differing, unit="of 3", goal="== 0"),
            Figure(name="units_begun_again", value=started - FOLDS, unit="", goal="<= 1"),
            Figure(name="replayed_speedup_of_100_nodes", value=speedup, unit="x", goal=">= 60"),
            Figure(name="driver_share_of_a_core", value=driver_share, unit="", goal="<= 0.2"),
            Figure(name="fit_mean_s", value=sum(durations) / len(durations), unit="s"),
        ],
        as_json=options.json,
    )


def folds_of(dataset: Dataset) -> list[Fold]:
    """Return 24 adjacent folds over the last 60 % of a dataset."""
    start_ms = dataset.from_ms + int(0.4 * (dataset.until_ms - dataset.from_ms)) // DAY_MS * DAY_MS
    step_ms = (dataset.until_ms - start_ms) // FOLDS
    starts = [start_ms + number * step_ms for number in range(FOLDS)]
    return [Fold(train_until_ms=ms - EMBARGO_MS, start_ms=ms, end_ms=ms + step_ms) for ms in starts]


def fitted_here(
    family: ModelFamily, dataset: Dataset, folds: Sequence[Fold]
) -> tuple[list[Mapping[str, bytes]], list[float]]:
    """Fit every fold in this process; return the models and how long each took."""
    models: list[Mapping[str, bytes]] = []
    durations: list[float] = []
    for fold in folds:
        begun = time.perf_counter()
        models.append(dict(fit_fold(family, dataset, fold).files))
        durations.append(time.perf_counter() - begun)
    return models, durations


def timed(
    dataset: Dataset, family: ModelFamily, folds: Sequence[Fold], address: str
) -> tuple[float, list[Mapping[str, bytes]]]:
    """Fit every fold on a cluster, its workers warm; return the seconds and the models."""
    compute = Compute(backend="ray", address=address, workers=0)
    fan_out(partial(_warm, dataset=dataset), range(4), compute)
    begun = time.perf_counter()
    found = fit_folds(dataset, [family], folds, Means(compute=compute))
    taken_s = time.perf_counter() - begun
    return taken_s, [found[family.name, fold, 0].files for fold in folds]


def with_a_killed_worker(
    dataset: Dataset, family: ModelFamily, folds: Sequence[Fold], address: str, folder: str
) -> tuple[int, list[Mapping[str, bytes]]]:
    """Fit every fold while a worker is killed once; return how many fits were begun, and the models."""
    fit = partial(_dies_once, dataset=dataset, family=family, folder=folder)
    found = fan_out(fit, list(enumerate(folds)), Compute(backend="ray", address=address, workers=0))
    return len(Path(folder, "begun").read_text().split()), found


def replayed(durations: Sequence[float], models: Sequence[Mapping[str, bytes]], folder: str) -> tuple[float, float]:
    """Return how much faster 100 nodes carry out a walk forward than one, and the driver's share of a core meanwhile.

    Args:
        durations: of the fits of a fold, s; every fold has `GROUPS` of them.
        models: what a fit brings, which the driver stores.
    """
    units = sorted(range(GROUPS * len(durations)), key=lambda unit: -durations[unit % len(durations)])
    pool, cache = (
        ReplayedPool(NODES, [durations[unit % len(durations)] for unit in units]),
        FileCache(root=Path(folder)),
    )
    begun = time.process_time()
    for number, _ in Work(pool).all((number, number) for number in range(len(units))):
        cache.keep(f"{number:024d}", models[units[number] % len(models)])
    return GROUPS * sum(durations) / pool.now_s, (time.process_time() - begun) / pool.now_s


class ReplayedPool:
    """Workers in made-up time: a unit is done so many seconds after it was begun."""

    def __init__(self, size: int, durations: Sequence[float]) -> None:
        self.size = size
        self.now_s = 0.0
        self._durations = durations
        self._running: list[tuple[float, int]] = []

    def submit(self, item: int) -> int:
        """Begin a unit."""
        heapq.heappush(self._running, (self.now_s + self._durations[item], item))
        return item

    def next_done(self) -> tuple[int, Callable[[], Any]]:
        """Let the time pass until a unit is done."""
        self.now_s, item = heapq.heappop(self._running)
        return item, lambda: item

    def close(self) -> None:
        """Nothing is held."""


@contextmanager
def nodes(count: int) -> Iterator[str]:
    """Run a Ray cluster of nodes with one processor each on this machine."""
    import ray
    from ray.cluster_utils import Cluster

    root = str(Path(__file__).parents[1])
    os.environ["PYTHONPATH"] = root  # what an installed package is to a worker
    logging.getLogger("ray").setLevel(logging.ERROR)
    node = {"num_cpus": 1, "object_store_memory": 200 << 20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    try:
        for _ in range(count - 1):
            cluster.add_node(num_cpus=1, object_store_memory=200 << 20)
        cluster.wait_for_nodes()
        yield cluster.address
    finally:
        ray.shutdown()
        cluster.shutdown()


def _warm(_item: int, *, dataset: Dataset) -> int:
    """Let a worker import what a fit needs and hold the data."""
    import training.families.xgboost.trainer  # noqa: F401

    time.sleep(0.5)  # so that one worker does not take all
    return len(dataset.segments)


def _dies_once(task: tuple[int, Fold], *, dataset: Dataset, family: ModelFamily, folder: str) -> Mapping[str, bytes]:
    number, fold = task
    with Path(folder, "begun").open("a") as begun:
        begun.write(f"{number}\n")
    if number == KILLED and not (mark := Path(folder, "died")).exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return dict(fit_fold(family, dataset, fold).files)


if __name__ == "__main__":
    main()
