"""Age of the last backup of a state folder: the time of an empty file, so that whoever watches can ask."""

from __future__ import annotations

from pathlib import Path
from typing import Final

NAME: Final = "last-backup"


def note_backup(state: Path) -> None:
    """Note that one was written now; a state folder that cannot be written keeps nobody from a backup."""
    try:
        state.mkdir(parents=True, exist_ok=True)
        (state / NAME).touch()
    except OSError:
        return


def last_backup_s(state: Path) -> float:
    """Return the UTC seconds at which one was last written; 0: never."""
    try:
        return (state / NAME).stat().st_mtime
    except OSError:
        return 0.0
