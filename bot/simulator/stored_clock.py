"""Stored market clock: it stops with the program and goes on from there.

The file is written ahead: it names a time the market may reach before the next write, so that after a kill the clock
never goes back behind what clients have seen. A clean stop writes the exact time.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import orjson

from bot.simulator.market.source import Description
from strategies.errors import StorageFailed


class StoredClock:
    """One JSON file per market.

    Args:
        folder: state folder; None keeps nothing.
        description: the market; another market has another clock beside it.
    """

    def __init__(self, folder: Path | None, description: Description) -> None:
        self._identity = f"{description.kind}|{description.name}|{description.edge}|{description.seed}"
        digest = hashlib.sha256(self._identity.encode()).hexdigest()[:12]
        self._path = None if folder is None else folder / f"clock-{digest}.json"

    def load(self) -> int | None:
        """Return the stored market time, ms; None when there is none for this market.

        Raises:
            StorageFailed: the file exists and cannot be understood, or a file lies where its folder should be: no
                waiting would cure that.
        """
        if self._path is None:
            return None
        for part in self._path.parents:
            if part.exists() and not part.is_dir():
                raise StorageFailed(
                    f"the market clock could not be written to {self._path}: {part} is a file, and a folder is needed"
                )
        if not self._path.exists():
            return None
        try:
            stored = orjson.loads(self._path.read_bytes())
            if stored["market"] != self._identity:
                return None
            return int(stored["now_ms"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StorageFailed(
                f"{self._path} holds no market clock ({error}); remove it or use --reset-clock"
            ) from error

    def save(self, now_ms: int) -> None:
        """Write the market time atomically.

        Raises:
            StorageFailed: the folder cannot be written.
        """
        if self._path is None:
            return
        partial = self._path.with_suffix(".partial")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(orjson.dumps({"market": self._identity, "now_ms": now_ms}))
            os.replace(partial, self._path)
        except OSError as error:
            reason = error.strerror or error
            raise StorageFailed(f"the market clock could not be written to {self._path}: {reason}") from error
