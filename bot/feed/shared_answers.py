"""Questions that several accounts ask an exchange at once, asked once.

An answer is shared with whoever asks the same while it is on its way, and for less than a second after: what has to be
asked twice to be believed is asked twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from bot.clock import Clock
from bot.waiting import elapsed_s

KEEP_S: Final = 0.9  # of market time; a second look at a candle comes a second later
ALONE: Final = frozenset({"fetch_time"})  # measured by who asks


class SharedAnswers:
    """Answers by question."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._asked: dict[tuple[str, str], asyncio.Task[Any]] = {}
        self._done_s: dict[tuple[str, str], float] = {}

    async def get(
        self, method: str, args: tuple[Any, ...], params: dict[str, Any], ask: Callable[[], Coroutine[Any, Any, Any]]
    ) -> Any:
        """Return the answer to a question, from whoever asked it first."""
        if method in ALONE:
            return await ask()
        self._forget_old()
        key = (method, repr((args, params)))
        task = self._asked.get(key)
        if task is None:
            task = asyncio.create_task(ask(), name=f"ask {method}")
            self._asked[key] = task
            task.add_done_callback(lambda _: self._done_s.setdefault(key, elapsed_s()))
        return await asyncio.shield(task)  # who asked first may be cancelled; the others wait on

    def _forget_old(self) -> None:
        keep_s = KEEP_S / max(1.0, self._clock.speed)
        now_s = elapsed_s()
        for key in [key for key, done_s in self._done_s.items() if now_s - done_s >= keep_s]:
            del self._done_s[key], self._asked[key]
