"""A process that restores and is killed just before one of its renames, forked from one that has loaded everything."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

from storage.backup.places import Places
from storage.backup.restore import RestoreOptions, restore
from storage.ledger.database import connect

TIMEOUT_S = 60.0
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__, "alembic.command"])


def killed_at(folder: Path, url: str, source: Path, renames: int) -> int | None:
    """Restore in a process that is killed before a rename; return its exit code, None where it does not end."""
    process = _FORKS.Process(target=restore_and_die, args=(folder, url, source, renames))
    process.start()
    process.join(TIMEOUT_S)
    process.kill()
    return process.exitcode


def restore_and_die(folder: Path, url: str, source: Path, renames: int) -> None:
    """Restore with force; be killed when `renames` renames are done and another one begins."""
    left = renames

    def deadly(rename: Any) -> Any:
        def wrapped(*paths: Any, **options: Any) -> Any:
            nonlocal left
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1
            return rename(*paths, **options)

        return wrapped

    os.rename, os.replace = deadly(os.rename), deadly(os.replace)
    database = connect(url)
    file = database.url.database if database.dialect.name == "sqlite" else None
    places = Places(
        database=None if file is None else Path(file),
        state=folder / "state",
        models=folder / "models",
        runs=folder / "runs",
        candles=folder / "data",
        config=folder / "config.toml",
    )
    restore(database, places, source, ("builtin", "main"), RestoreOptions(force=True, now_ms=1))
