"""Who is answered: listed chats, and each only so often. Everyone else gets nothing and is counted."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection
from typing import Final, Literal

COMMANDS_A_MINUTE: Final = 30
WINDOW_S: Final = 60.0

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
        self._recent: dict[int, deque[float]] = {chat_id: deque(maxlen=COMMANDS_A_MINUTE) for chat_id in chat_ids}
        self._warned: set[int] = set()
        self._now_s = now_s
        self._count = count
        self.refused: Counter[str] = Counter()

    def admit(self, chat_id: int | None) -> Admission:
        """Return whether a chat's update is answered; "warned" is the first refusal of a chat that asks too often."""
        recent = None if chat_id is None else self._recent.get(chat_id)
        if recent is None or chat_id is None:
            return self._refuse("foreign")
        now_s = self._now_s()
        if len(recent) == COMMANDS_A_MINUTE and now_s - recent[0] < WINDOW_S:
            self._refuse("too_fast")
            is_first = chat_id not in self._warned
            self._warned.add(chat_id)
            return "warned" if is_first else "too_fast"
        self._warned.discard(chat_id)
        recent.append(now_s)
        return "admitted"

    def let_in(self, chat_id: int) -> None:
        """Answer a chat from now on: it paired, or a listed group has another number now."""
        self._recent.setdefault(chat_id, deque(maxlen=COMMANDS_A_MINUTE))

    def shut_out(self, chat_id: int) -> None:
        """Answer a chat no more."""
        self._recent.pop(chat_id, None)

    def _refuse(self, reason: Admission) -> Admission:
        self.refused[reason] += 1
        self._count(reason)
        return reason
