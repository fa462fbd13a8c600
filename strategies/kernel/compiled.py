"""`compiled`: numba's `njit(cache=True)` for code that never allocates, with a cache that notices every change.

Numba dates a cached function by its own source file only; a kernel spread over several files would go on running
yesterday's callee after an upgrade. Here the date of a cached function is the date of all `KERNEL` files.
The cache lies beside the sources (`__pycache__`), or in `NUMBA_CACHE_DIR` when that is set, as it must be where the
installation is read-only.

Without numba's runtime (`_nrt=False`) a function can neither allocate nor count references; the counting alone, atomic
and at every call, made the kernel 7 times slower.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar, cast

import numba

_HERE: Final = Path(__file__).parent
# Every file whose code can end up inside a compiled function of another one.
KERNEL: Final = (*sorted(_HERE.glob("*.py")), _HERE.parent / "bundle" / "ensemble.py", _HERE.parent / "market.py")
Record: TypeAlias = Any  # one row of a structured array inside compiled code; its fields are in `state.py`
Function = TypeVar("Function", bound=Callable[..., Any])


_njit: Final[Any] = numba.njit  # `_nrt` is missing from numba's type stubs


def compiled(function: Function) -> Function:
    """Compile `function` on its first call and keep the machine code until its own or a kernel file changes."""
    return _stamped(_njit(cache=True, _nrt=False)(function), function)


def inlined(function: Function) -> Function:
    """Like `compiled`, and always inlined into compiled callers: where a call costs more than its work."""
    return _stamped(_njit(cache=True, _nrt=False, forceinline=True)(function), function)


def compiled_parallel(function: Function) -> Function:
    """Like `compiled`, with `prange` running on NUMBA_NUM_THREADS threads."""
    return _stamped(_njit(cache=True, parallel=True)(function), function)


def _stamped(dispatcher: Any, function: Function) -> Function:
    file = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    if file is not None:  # None where numba runs uncompiled (NUMBA_DISABLE_JIT)
        file._source_stamp = (file._source_stamp, _sources_stamp())
    return cast(Function, dispatcher)


@cache
def _sources_stamp() -> str:
    digest = hashlib.sha256()
    for path in KERNEL:
        status = path.stat()
        digest.update(f"{path.stem} {status.st_mtime_ns} {status.st_size}\n".encode())
    return digest.hexdigest()
