"""Compute backends: this process, processes of this machine, a Ray cluster or a Dask cluster carry out a run's units.

A unit is one item of a function that every worker holds once. The driver alone writes results; a unit whose worker
died is given to another one. Who carries it out changes no bit of a result: each unit brings its own threads and seed.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, TypeVar

from storage.lazy import lazily
from strategies.errors import BadInput, SigmaError

with lazily():
    from training.runtime.dask_pool import DaskPool
    from training.runtime.loky_pool import LokyPool
    from training.runtime.ray_pool import RayPool

Backend = Literal["loky", "ray", "dask"]
THREAD_VARIABLES: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
MAX_LOSSES: Final = 3  # workers that may die over one unit before the run is given up

Item = TypeVar("Item")
Result = TypeVar("Result")


class WorkerLost(SigmaError):
    """The worker of a unit died before it answered."""


class Pool(Protocol):
    """Workers that hold a function."""

    @property
    def size(self) -> int:
        """Units that can be under way at once."""

    def submit(self, item: Any) -> Hashable:
        """Begin a unit; return its ticket."""

    def next_done(self) -> tuple[Hashable, Callable[[], Any]]:
        """Wait for any unit; return its ticket, and what returns its result or raises its error (or `WorkerLost`)."""

    def close(self) -> None:
        """Cancel what is under way and let the workers go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compute:
    """Where units are carried out.

    Attributes:
        backend: "loky" for processes of this machine, "ray" or "dask" for a cluster.
        address: of a cluster that runs already; empty: one of this machine, or the one that RAY_ADDRESS or
            DASK_SCHEDULER_ADDRESS names.
        workers: units at once; 0: as many as there are processors; 1: in this process.
    """

    backend: Backend = "loky"
    address: str = ""
    workers: int = 1


def threads_of(asked: int) -> int:
    """Return the threads to use: as asked, or (0) the processors this process may run on."""
    return asked or len(os.sched_getaffinity(0))


def fan_out(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    compute: Compute,
    on_result: Callable[[Item, Result], None] = lambda item, result: None,
) -> list[Result]:
    """Return function(item) for every item, in order.

    Args:
        on_result: told in this process about each result as it comes, so that a run that is killed keeps those.

    Raises:
        BadInput: the backend is not installed, or its cluster does not answer.
        WorkerLost: workers died over one item again and again.
    """
    listed = list(items)
    if not listed:
        return []
    results: dict[int, Result] = {}
    alone = len(listed) < 2 and compute.backend == "loky"
    with working(function, Compute() if alone else compute) as work:
        for number, result in work.all(enumerate(listed)):
            results[number] = result
            on_result(listed[number], result)
    return [results[number] for number in range(len(listed))]


@contextmanager
def working(function: Callable[[Any], Any], compute: Compute) -> Iterator[Work]:
    """Open a pool whose workers hold the function.

    Raises:
        BadInput: the backend is not installed, or its cluster does not answer.
    """
    pool = _open(function, compute)
    try:
        yield Work(pool)
    finally:
        pool.close()


class Work:
    """Units under way, each with a key of the caller's; a lost one is begun again."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._under_way: dict[Hashable, tuple[Any, Any, int]] = {}

    @property
    def size(self) -> int:
        """Units that can be under way at once."""
        return self._pool.size

    def begin(self, key: Any, item: Any, losses: int = 0) -> None:
        """Give a unit to a worker."""
        self._under_way[self._pool.submit(item)] = (key, item, losses)

    def next(self) -> tuple[Any, Any]:
        """Wait for any unit; return its key and its result, or raise its error."""
        while True:
            ticket, outcome = self._pool.next_done()
            key, item, losses = self._under_way.pop(ticket)
            try:
                return key, outcome()
            except WorkerLost:
                if losses == MAX_LOSSES:
                    raise
                self.begin(key, item, losses + 1)

    def all(self, units: Iterable[tuple[Any, Any]]) -> Iterator[tuple[Any, Any]]:
        """Carry out (key, item) units, as many at once as there are workers; yield keys and results as they come."""
        waiting = deque(units)
        while waiting or self._under_way:
            while waiting and len(self._under_way) < self.size:
                self.begin(*waiting.popleft())
            yield self.next()


class HerePool:
    """This process: a unit is carried out when it is asked for."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.size = 1
        self._function = function
        self._waiting: deque[tuple[int, Any]] = deque()
        self._count = 0

    def submit(self, item: Any) -> int:
        """Queue a unit."""
        self._count += 1
        self._waiting.append((self._count, item))
        return self._count

    def next_done(self) -> tuple[int, Callable[[], Any]]:
        """Return the oldest unit; its result is computed by who asks."""
        ticket, item = self._waiting.popleft()
        return ticket, lambda: self._function(item)

    def close(self) -> None:
        """Forget what waits."""
        self._waiting.clear()


def _open(function: Callable[[Any], Any], compute: Compute) -> Pool:
    try:
        if compute.workers == 1:
            return HerePool(function)
        if compute.backend == "ray":
            return RayPool(function, compute.address, compute.workers)
        if compute.backend == "dask":
            return DaskPool(function, compute.address, compute.workers)
    except ImportError as error:
        raise BadInput(
            f"[training] backend is {compute.backend!r}, which is not installed; install the {compute.backend} extra"
        ) from error
    size = threads_of(compute.workers)
    return HerePool(function) if size == 1 else LokyPool(function, size)
