"""Questions to database and disk: asked in a thread, each once per account minute, however many want to know."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Any, Final, TypeVar

from bot.trading.control import Control

REMEMBERED: Final = 64

Answer = TypeVar("Answer")


class Reading:
    """Answers of the current account minute, by question. Two who ask the same wait for one thread."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._minute_ms = -1
        self._answers: dict[Hashable, asyncio.Task[Any]] = {}

    async def ask(self, question: Callable[..., Answer], *arguments: Hashable, **named: Hashable) -> Answer:
        """Return `question(*arguments, **named)` as of the last account minute."""
        snapshot = self._control.snapshot
        minute_ms = -1 if snapshot is None else snapshot.minute_ms
        if minute_ms != self._minute_ms or len(self._answers) >= REMEMBERED:
            self._minute_ms, self._answers = minute_ms, {}
        key = (question, arguments, tuple(named.items()))
        if key not in self._answers:
            asking = asyncio.create_task(asyncio.to_thread(question, *arguments, **named), name="web-reading")
            asking.add_done_callback(lambda done: self._forget_failure(key, done))
            self._answers[key] = asking
        answer: Answer = await asyncio.shield(self._answers[key])
        return answer

    def _forget_failure(self, key: Hashable, done: asyncio.Task[Any]) -> None:
        failed = done.cancelled() or done.exception() is not None
        if failed and self._answers.get(key) is done:
            del self._answers[key]
