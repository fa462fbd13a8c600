"""Files and folders that are their owner's alone: ledger, models, logs, tokens."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

MASK: Final = 0o077
FOLDER: Final = 0o700


def keep_private(folders: Iterable[Path]) -> None:
    """Let this process make files for its owner alone from now on, and close folders that were made for all.

    A folder that belongs to somebody else (a mounted volume) stays as it is.
    """
    os.umask(MASK)
    for folder in folders:
        with suppress(OSError):
            if folder.is_dir() and folder.stat().st_mode & MASK:
                folder.chmod(FOLDER)
