"""Units on clusters that run already: the bytes of this process, a killed worker's unit begun again, a clean answer."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from strategies.errors import BadInput
from tests.training.runtime.units import dies_once, refuses, scaled, who
from tests.training.walk_forward.walk_builders import made_folds, made_world
from training.ensemble.families import RidgeFamily
from training.ensemble.fits import Means, fit_folds
from training.runtime.compute import Compute, WorkerLost, fan_out, working
from training.runtime.file_cache import FileCache

TABLE = np.random.default_rng(5).standard_normal((8, 200_000))  # 12.8 MB: too much to travel with every unit
HERE = [scaled(item, table=TABLE) for item in range(8)]


@pytest.fixture(params=["loky", "ray", "dask"])
def cluster(request: pytest.FixtureRequest) -> Compute:
    """Two workers of each kind; the number comes from the cluster, not from this machine."""
    backend = request.param
    if backend == "loky":
        return Compute(workers=2)
    return Compute(backend=backend, address=request.getfixturevalue(f"{backend}_address"), workers=0)


def test_units_come_back_in_order_with_the_bytes_of_this_process(
    cluster: Compute, capsys: pytest.CaptureFixture[str]
) -> None:
    told: dict[int, bytes] = {}
    results = fan_out(partial(scaled, table=TABLE), range(8), cluster, told.__setitem__)
    assert results == HERE
    assert [told[item] for item in range(8)] == HERE
    assert capsys.readouterr().out == ""  # standard output belongs to a command's answer


def test_as_many_units_run_at_once_as_the_cluster_has_processors(cluster: Compute) -> None:
    with working(who, cluster) as work:
        assert work.size == 2
        assert os.getpid() not in dict(work.all((item, item) for item in range(4))).values()


def test_a_mistake_is_told_as_it_is(cluster: Compute) -> None:
    with pytest.raises(BadInput, match=r"^item \d is too short$"):
        fan_out(refuses, range(3), cluster)


def test_folds_are_fitted_elsewhere_with_the_same_bytes_and_kept_here(cluster: Compute, tmp_path: Path) -> None:
    dataset = made_world(bars=7_000)
    folds, families = made_folds(dataset).all[:3], [RidgeFamily()]
    plain = fit_folds(dataset, families, folds, Means())
    cache = FileCache(root=tmp_path / "folds")
    there = fit_folds(dataset, families, folds, Means(cache=cache, compute=cluster))
    assert {key: model.files for key, model in there.items()} == {key: model.files for key, model in plain.items()}
    nobody = Compute(backend="dask", address="tcp://127.0.0.1:1", workers=0)  # the cache asks nobody
    again = fit_folds(dataset, families, folds, Means(cache=cache, compute=nobody))
    assert {key: model.files for key, model in again.items()} == {key: model.files for key, model in plain.items()}


def test_the_unit_of_a_killed_worker_is_begun_again(cluster: Compute, tmp_path: Path) -> None:
    done: list[int] = []
    function = partial(dies_once, table=TABLE, folder=str(tmp_path))
    results = fan_out(function, range(8), cluster, lambda item, _: done.append(item))
    assert (tmp_path / "died").exists()
    assert results == HERE
    assert sorted(done) == list(range(8))


def test_a_cluster_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed", reason="the dask extra is not installed")
    monkeypatch.setattr("training.runtime.dask_pool.CONNECT_S", 1.0)
    with pytest.raises(BadInput, match=r"address is 'tcp://127.0.0.1:1', where no Dask scheduler answers"):
        fan_out(who, range(3), Compute(backend="dask", address="tcp://127.0.0.1:1", workers=0))


def test_a_unit_that_kills_every_worker_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(WorkerLost, match="died"):
        fan_out(os._exit, [1, 1], Compute(workers=2))
