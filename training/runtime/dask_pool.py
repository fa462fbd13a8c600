"""Workers of a Dask cluster: the function is scattered to each of them once, units are tasks."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any, Final

import dask
import distributed

from strategies.errors import BadInput
from training.runtime.compute import WorkerLost

CONNECT_S: Final = 10


class DaskPool:
    """A scheduler that runs already, or one of this machine."""

    def __init__(self, function: Callable[[Any], Any], address: str, workers: int) -> None:
        address = address or dask.config.get("scheduler-address", "") or ""
        self._client = _connect(address, workers)
        self._workers = workers
        self._held = function
        self._function = self._scatter()
        self._running = distributed.as_completed(loop=self._client.loop)

    @property
    def size(self) -> int:
        """Units that can be under way at once: as asked, or the cluster's processors as they come and go."""
        return self._workers or max(1, sum(self._client.nthreads().values()))

    def submit(self, item: Any) -> Any:
        """Begin a unit; where every worker that held the function died, it is scattered again."""
        if self._function.status != "finished":
            self._function = self._scatter()
        future = self._client.submit(_call, self._function, item, pure=False)
        self._running.add(future)
        return future

    def next_done(self) -> tuple[Any, Callable[[], Any]]:
        """Wait for any unit."""
        future = next(self._running)
        return future, lambda: _result(future)

    def close(self) -> None:
        """Cancel what is under way and leave; a scheduler of this machine ends."""
        self._client.cancel(list(self._running.futures), force=True)
        self._client.close()
        if self._client.cluster is not None:
            self._client.cluster.close()

    def _scatter(self) -> Any:
        return self._client.scatter([self._held], broadcast=True, hash=False)[0]


def _call(function: Callable[[Any], Any], item: Any) -> Any:
    return function(item)


def _connect(address: str, workers: int) -> Any:
    with redirect_stdout(sys.stderr):
        if not address:
            cluster = distributed.LocalCluster(
                n_workers=workers or None, threads_per_worker=1, processes=True, dashboard_address=None
            )
            return distributed.Client(cluster, set_as_default=False)
        try:
            return distributed.Client(address, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise BadInput(f"[training] address is {address!r}, where no Dask scheduler answers: {error}") from error


def _result(future: Any) -> Any:
    try:
        return future.result()
    except (distributed.KilledWorker, distributed.client.FutureCancelledError) as error:
        raise WorkerLost(f"workers of the Dask cluster died: {error}") from error
