"""Workers of a Ray cluster: the function lies once in its object store, units are tasks of one processor each.

Nothing of Ray's own talk reaches standard output, which belongs to the answer of a command.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any, Final

import ray
from ray.exceptions import (
    NodeDiedError,
    ObjectLostError,
    OutOfMemoryError,
    RayTaskError,
    WorkerCrashedError,
)

from strategies.errors import BadInput
from training.runtime.compute import WorkerLost

LOST: Final = (WorkerCrashedError, NodeDiedError, ObjectLostError, OutOfMemoryError)


class RayPool:
    """A cluster that runs already, or one of this machine."""

    def __init__(self, function: Callable[[Any], Any], address: str, workers: int) -> None:
        _connect(address)
        self._workers = workers
        self._function = ray.put(function)
        self._unit = ray.remote(_call).options(num_cpus=1, max_retries=0)  # lost ones are begun again by the driver
        self._running: list[Any] = []

    @property
    def size(self) -> int:
        """Units that can be under way at once: as asked, or the cluster's processors as they come and go."""
        return self._workers or max(1, int(ray.cluster_resources().get("CPU", 1)))

    def submit(self, item: Any) -> Any:
        """Begin a unit."""
        reference = self._unit.remote(self._function, item)
        self._running.append(reference)
        return reference

    def next_done(self) -> tuple[Any, Callable[[], Any]]:
        """Wait for any unit."""
        [reference], self._running = ray.wait(self._running, num_returns=1)
        return reference, lambda: _result(reference)

    def close(self) -> None:
        """Cancel what is under way; the connection lasts as long as this process."""
        for reference in self._running:
            ray.cancel(reference, force=True)
        self._running = []


def _call(function: Callable[[Any], Any], item: Any) -> Any:
    return function(item)


def _connect(address: str) -> None:
    if ray.is_initialized():
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    own: dict[str, Any] = {} if address or os.environ.get("RAY_ADDRESS") else {"include_dashboard": False}
    try:
        with redirect_stdout(sys.stderr):
            ray.init(
                address=address or None,
                ignore_reinit_error=True,
                log_to_driver=False,
                logging_level=logging.ERROR,
                **own,
            )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise BadInput(f"[training] address is {address!r}, where no Ray cluster answers: {_line(error)}") from error


def _result(reference: Any) -> Any:
    try:
        return ray.get(reference)
    except RayTaskError as error:
        cause = error.cause
        raise cause if isinstance(cause, Exception) else error from None
    except LOST as error:
        raise WorkerLost(f"a worker of the Ray cluster died: {_line(error)}") from error


def _line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
