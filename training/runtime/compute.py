"""How much of the machine a batch run uses: threads of the numeric libraries, processes of joblib.

Called once, before numpy's and xgboost's thread pools start. The bits of a model depend on the number of threads,
so it is part of the run record.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable
from typing import Any, Final, Literal, TypeVar

from strategies.errors import BadInput

Backend = Literal["loky", "ray", "dask"]
THREAD_VARIABLES: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")

Item = TypeVar("Item")
Result = TypeVar("Result")


def threads_of(asked: int) -> int:
    """Return the threads to use: as asked, or (0) the processors this process may run on."""
    return asked or len(os.sched_getaffinity(0))


def fan_out(
    function: Callable[[Item], Result], items: Iterable[Item], *, workers: int = 1, backend: Backend = "loky"
) -> list[Result]:
    """Return function(item) for every item, in order, over joblib's processes; one worker stays in this process.

    Raises:
        BadInput: the backend is not installed.
    """
    listed = list(items)
    if workers == 1 or len(listed) < 2:
        return [function(item) for item in listed]
    import joblib

    _register(backend)
    with joblib.parallel_config(backend=backend, n_jobs=threads_of(workers)), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="A worker stopped while", category=UserWarning)  # loky starts another
        results: list[Any] = joblib.Parallel()(joblib.delayed(function)(item) for item in listed)
    return results


def _register(backend: Backend) -> None:
    try:
        if backend == "ray":
            from ray.util.joblib import register_ray

            register_ray()
        elif backend == "dask":
            import distributed

            distributed.Client(processes=True, dashboard_address=None)
    except ImportError as error:
        raise BadInput(
            f"[training] backend is {backend!r}, which is not installed; install the {backend} extra"
        ) from error
