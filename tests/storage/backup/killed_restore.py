"""A process that restores and is killed just before one of its renames: FOLDER URL BACKUP RENAMES."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from storage.backup.places import Places
from storage.backup.restore import restore
from storage.ledger.database import connect


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
    restore(database, places, source, exchange_and_account=("builtin", "main"), force=True, now_ms=1)


if __name__ == "__main__":
    restore_and_die(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
