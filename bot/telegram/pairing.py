"""Pairing a chat by a code: whoever reads it on the daemon's machine, or in a paired chat, may send it to the bot.

A code is good once and for ten minutes, or, while no chat is known at all, until it is used; after five wrong tries
there is none. It lies in a file that only the daemon's owner reads, never in a log.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

LIFE_S: Final = 600.0
WRONG_TRIES: Final = 5
DIGITS: Final = 8
FILE: Final = "telegram.code"


class Pairing:
    """At most one code at a time.

    Args:
        now_s: seconds that only go forward.
        folder: of the daemon's state, where the code is put down.
    """

    def __init__(self, now_s: Callable[[], float], folder: Path) -> None:
        self._now_s = now_s
        self._path = folder / FILE
        self._code = ""
        self._until_s = 0.0
        self._wrong = 0
        self._path.unlink(missing_ok=True)

    def new_code(self, life_s: float = LIFE_S) -> str:
        """Make a code, put it down, and return it; the one before is worth nothing now."""
        self._code = "".join(secrets.choice("0123456789") for _ in range(DIGITS))
        self._until_s, self._wrong = self._now_s() + life_s, 0
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(self._code + "\n")
        return self._code

    def take(self, given: str) -> bool:
        """Return whether this is the code; it is not any more."""
        if not self._code or self._now_s() > self._until_s:
            return False
        if hmac.compare_digest(given.strip().encode(), self._code.encode()):
            self._end()
            return True
        self._wrong += 1
        if self._wrong >= WRONG_TRIES:
            self._end()
        return False

    def _end(self) -> None:
        self._code = ""
        self._path.unlink(missing_ok=True)


def written_code(folder: Path) -> str | None:
    """Return the code that a running daemon has put down; None: there is none."""
    try:
        return (folder / FILE).read_text().strip() or None
    except OSError:
        return None
