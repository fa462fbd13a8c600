"""Interrupted restores: the record that a restore writes first and removes last.

Apart from the restore itself, so that whoever only asks loads no database driver.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

RECORD: Final = "restore.json"


def is_unfinished(state: Path) -> bool:
    """Whether a restore was interrupted here."""
    return (state / RECORD).exists()
