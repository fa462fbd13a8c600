"""Units of work for clusters: importable by workers, which run this file from the project's own folder."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np


def scaled(item: int, *, table: np.ndarray) -> bytes:
    """Return bytes that depend on a large table and the item."""
    return (table[item] * np.pi).tobytes()


def dies_once(item: int, *, table: np.ndarray, folder: str) -> bytes:
    """Kill the worker the first time that item 3 is carried out, as a lost machine would; else as `scaled`."""
    mark = Path(folder, "died")
    if item == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return scaled(item, table=table)


def refuses(item: int) -> int:
    """Raise what a trader's mistake raises."""
    from strategies.errors import BadInput

    raise BadInput(f"item {item} is too short")


def who(item: int) -> int:
    """Return the process that carries an item out."""
    return os.getpid()
