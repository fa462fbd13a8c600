"""A log that batch commands append to: lines with their time, secrets masked, rotated like the daemon's own."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from storage.config.secret import MASK
from storage.durable import folder_lock
from strategies.errors import SigmaError

if TYPE_CHECKING:
    from storage.config.tree import Config

SHORTEST_SECRET = 4  # characters; shorter ones would mask half of every line
OWNER_ONLY = 0o600


def append(config: Config, name: str, line: str) -> None:
    """Append a line to a log in `[logs] directory`; a directory that cannot be written costs the log, nothing else."""
    for secret in config.secrets():
        line = line.replace(secret, MASK) if len(secret) >= SHORTEST_SECRET else line
    path = Path(config.logs.directory) / name
    with suppress(OSError, SigmaError):
        path.parent.mkdir(parents=True, exist_ok=True)
        _rotate(path, round(config.logs.max_mb * 1e6), config.logs.keep)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, OWNER_ONLY)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            file.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}Z [{os.getpid()}] {line}\n")


def _rotate(path: Path, max_bytes: int, keep: int) -> None:
    """Move a full log to NAME.1, the older ones up by one, the oldest away; one process does it."""
    if not path.exists() or path.stat().st_size < max_bytes:
        return
    with folder_lock(path.parent):
        if path.stat().st_size < max_bytes:
            return  # another process did
        for number in range(keep, 0, -1):
            older = path if number == 1 else path.with_name(f"{path.name}.{number - 1}")
            if older.exists():
                os.replace(older, path.with_name(f"{path.name}.{number}"))
