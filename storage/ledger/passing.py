"""Which failures of a database pass: by themselves, or when somebody makes room. Whoever starts waits for those."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final

from storage.ledger.postgres import READ_ONLY

_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR})
_OF_THE_DISK: Final = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN})  # or of somebody's access rights
_LITTLE_ROOM: Final = 1 << 20  # bytes; SQLite wants a journal and its index beside the file
_CLASSES: Final = ("08", "53", "57", "58")  # connection, resources, operator, system: PostgreSQL's appendix A
_REFUSALS: Final = ("authentication failed", "does not exist", "pg_hba.conf", "no password supplied", "invalid")


def is_passing(error: BaseException | None, file: str | None) -> bool:
    """Return whether a driver's error may be gone at the next attempt.

    Args:
        error: of `sqlite3` or psycopg.
        file: of a SQLite database; None: it has none.
    """
    if isinstance(error, sqlite3.Error):
        code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
        return code in _BUSY or (code in _OF_THE_DISK and file is not None and _takes_nothing(Path(file).parent))
    state = getattr(error, "sqlstate", None)
    if state is not None:
        return state == READ_ONLY or state[:2] in _CLASSES  # a standby, or a server that has run out of room
    text = str(error).lower()  # a connection that was not made has no state, only words
    return error is not None and not any(refusal in text for refusal in _REFUSALS)


def _takes_nothing(folder: Path) -> bool:
    """Whether the disk of a folder is mounted read-only or full."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False
    return bool(disk.f_flag & os.ST_RDONLY) or disk.f_bavail * disk.f_frsize < _LITTLE_ROOM or disk.f_favail == 0
