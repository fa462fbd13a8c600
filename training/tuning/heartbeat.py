"""Signs of life of a tuner that shares its study: by them another one finds out whose trials nobody carries out.

Optuna writes them in `Study.optimize` alone; here trials are asked for and told, so that they are written by ourselves.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any, Final

import structlog

BEATS: Final = 2  # in the time after which Optuna wants one


@contextmanager
def beating(storage: Any, trial_ids: Callable[[], Collection[int]]) -> Iterator[None]:
    """Write signs of life of trials while the block runs; nothing where the storage takes none.

    Args:
        storage: of the study.
        trial_ids: Optuna's own numbers of the trials that are under way; asked from another thread.
    """
    every_s = getattr(storage, "heartbeat_interval", None)
    if not every_s:
        yield
        return
    ended = threading.Event()

    def beat() -> None:
        while True:
            for trial_id in trial_ids():
                try:
                    storage.record_heartbeat(trial_id)
                except Exception as error:  # a thread's boundary: a database that is away is asked again
                    structlog.get_logger("tune").warning("no sign of life written", error=str(error)[:200])
            if ended.wait(every_s / BEATS):
                return

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
