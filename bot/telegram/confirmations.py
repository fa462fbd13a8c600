"""Questions that wait for a yes: each is one chat's, once, and for a minute."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bot.telegram.context import Change

LIFE_S: Final = 60.0
MOST_OPEN: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class _Open:
    chat_id: int
    change: Change
    until_s: float


class Confirmations:
    """Changes that were asked for and not yet confirmed. They live in memory: a restart forgets them, which is a no."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._open: dict[str, _Open] = {}

    def ask(self, chat_id: int, change: Change) -> str:
        """Remember a change and return the token that its buttons carry."""
        while len(self._open) >= MOST_OPEN:
            self._open.pop(next(iter(self._open)))
        token = secrets.token_urlsafe(9)
        self._open[token] = _Open(chat_id=chat_id, change=change, until_s=self._now_s() + LIFE_S)
        return token

    def take(self, token: str, chat_id: int) -> Change | None:
        """Return the change behind a token, once; None where it is unknown, answered, expired or another chat's."""
        asked = self._open.get(token)
        if asked is None or asked.chat_id != chat_id:
            return None
        del self._open[token]
        return asked.change if self._now_s() <= asked.until_s else None
