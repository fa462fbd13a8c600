"""Sessions that were signed out, remembered over restarts.

They are not forgotten when they would have ended by themselves: a clock that is set forward for a while and back again
would let them in. Only the oldest of very many give way.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import orjson
import structlog

from storage.durable import replace_files

NAME: Final = "revoked_sessions.json"
MOST: Final = 10_000


class Revoked:
    """Ids of ended sessions. Signing out needs a valid session, so strangers cannot fill it.

    Args:
        path: where they are kept, readable by the owner only; None: in memory.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._until_ms = {} if path is None else _read(path)

    def __contains__(self, session: str) -> bool:
        return session in self._until_ms

    def add(self, session: str, until_ms: int) -> None:
        """End a session that would have lasted until then.

        Raises:
            StorageFailed: it is ended, and could not be written down: a restart would not know.
        """
        kept = dict(self._until_ms)
        while len(kept) >= MOST:
            del kept[min(kept, key=kept.__getitem__)]
        self._until_ms = kept | {session: until_ms}
        if self._path is not None:
            _write(self._path, self._until_ms)


def _read(path: Path) -> dict[str, int]:
    try:
        found = orjson.loads(path.read_bytes())
        return {str(name): int(until) for name, until in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        structlog.get_logger("web").error("signed-out sessions are unreadable", path=str(path), error=str(error))
        return {}


def _write(path: Path, until_ms: dict[str, int]) -> None:
    content = orjson.dumps(until_ms)

    def write(beside: Path) -> None:
        beside.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)

    replace_files([(path, write)])
