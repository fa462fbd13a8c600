"""What the person who started a daemon is told, where that person can still be told.

A terminal that was closed, or a file on a full disk, takes no more lines; that is no reason to stop trading.
"""

from __future__ import annotations

from contextlib import suppress


def said(line: str) -> None:
    """Print a line at once, or nothing where standard output takes none."""
    with suppress(OSError, ValueError):  # full, gone, or closed
        print(line, flush=True)
