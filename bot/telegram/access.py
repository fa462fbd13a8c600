"""Access: listed chats are answered, each only so often; everyone else gets nothing and is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from typing import Final, Literal

from bot.rate_limit import RateLimit

COMMANDS_A_MINUTE: Final = 30

Admission = Literal["admitted", "foreign", "too_fast", "warned"]


class Access:
    """Decides about every update before anything else looks at it.

    Args:
        chat_ids: who is answered.
        now_s: seconds that only go forward.
        count: told each refusal's reason, for the metrics.
    """

    def __init__(
        self, chat_ids: Collection[int], now_s: Callable[[], float], count: Callable[[str], None] = lambda _reason: None
    ) -> None:
        self._chats = set(chat_ids)
        self._limit = RateLimit(COMMANDS_A_MINUTE, now_s)
        self._warned: set[int] = set()
        self._count = count
        self.refused: Counter[str] = Counter()

    def admit(self, chat_id: int | None) -> Admission:
        """Return whether a chat's update is answered; "warned" is the first refusal of a chat that asks too often."""
        if chat_id is None or chat_id not in self._chats:
            return self._refuse("foreign")
        if not self._limit.take(chat_id):
            self._refuse("too_fast")
            is_first = chat_id not in self._warned
            self._warned.add(chat_id)
            return "warned" if is_first else "too_fast"
        self._warned.discard(chat_id)
        return "admitted"

    def let_in(self, chat_id: int) -> None:
        """Answer a chat from now on: it paired, or a listed group has another number now."""
        self._chats.add(chat_id)

    def shut_out(self, chat_id: int) -> None:
        """Answer a chat no more."""
        self._chats.discard(chat_id)

    def _refuse(self, reason: Admission) -> Admission:
        self.refused[reason] += 1
        self._count(reason)
        return reason
