"""Clusters on this machine that run before a command connects: two Ray nodes; a Dask scheduler with two workers."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest

from tests.builders import ROOT


@pytest.fixture(scope="module")
def ray_address() -> Iterator[str]:
    """The address of a Ray cluster of two nodes with one processor each."""
    ray = pytest.importorskip("ray", reason="the ray extra is not installed")
    from ray.cluster_utils import Cluster

    kept = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(ROOT)  # what an installed package is to a worker
    node = {"num_cpus": 1, "object_store_memory": 80 << 20, "include_dashboard": False}
    logging.getLogger("ray").setLevel(logging.ERROR)
    cluster = Cluster(initialize_head=True, head_node_args=node)
    try:
        cluster.add_node(num_cpus=1, object_store_memory=80 << 20)
        cluster.wait_for_nodes()
        yield cluster.address
    finally:
        ray.shutdown()
        cluster.shutdown()
        if kept is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = kept


@pytest.fixture(scope="module")
def dask_address() -> Iterator[str]:
    """The address of a Dask scheduler with two worker processes of one thread."""
    distributed = pytest.importorskip("distributed", reason="the dask extra is not installed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, memory_limit=0, silence_logs=50
    ) as cluster:
        yield cluster.scheduler_address
