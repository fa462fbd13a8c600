"""Processes of this machine; large arrays of the function lie once in shared memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from joblib.executor import get_memmapping_executor
from joblib.externals.loky import FIRST_COMPLETED, wait
from joblib.externals.loky.process_executor import BrokenProcessPool

from training.runtime.compute import THREAD_VARIABLES, WorkerLost, threads_of


class LokyPool:
    """Workers of joblib; one that dies takes the others with it, and new ones take their place."""

    def __init__(self, function: Callable[[Any], Any], size: int) -> None:
        self.size = size
        self._function = function
        self._threads = str(max(1, threads_of(0) // size))
        self._running: set[Any] = set()

    def submit(self, item: Any) -> Any:
        """Begin a unit; a pool that broke is made anew."""
        try:
            future = self._executor().submit(self._function, item)
        except BrokenProcessPool:
            future = self._executor().submit(self._function, item)
        self._running.add(future)
        return future

    def next_done(self) -> tuple[Any, Callable[[], Any]]:
        """Wait for any unit."""
        future = next(iter(wait(self._running, return_when=FIRST_COMPLETED).done))
        self._running.remove(future)
        return future, lambda: _result(future)

    def close(self) -> None:
        """End the workers; at once where units are under way."""
        self._executor().terminate(kill_workers=bool(self._running))

    def _executor(self) -> Any:
        return get_memmapping_executor(self.size, env=dict.fromkeys(THREAD_VARIABLES, self._threads), context_id="pool")


def _result(future: Any) -> Any:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise WorkerLost(f"a process of this machine died: {error}") from error
