"""Freed memory: what a night's work needed for a moment goes back to the system.

The C library keeps freed pieces between those still in use, so a process that lives for a year would keep the most it
ever needed. Freed at the bottom of its heap they are given back only when it is asked.
"""

from __future__ import annotations

import ctypes
import gc
from functools import cache
from typing import Any


def give_back_memory() -> bool:
    """Give freed pages back to the system; return whether there were any, False where the C library cannot.

    `malloc_trim(3)` of glibc; other systems give back by themselves or not at all.
    """
    trim = _malloc_trim()
    if trim is None:
        return False
    gc.collect()
    return bool(trim(0))


@cache
def _malloc_trim() -> Any:
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
