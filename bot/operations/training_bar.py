"""Training bar: what the person who started the daemon sees of a training, a bar on a terminal, or plain lines."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from bot.values.training import TrainingProgress
from storage.lazy import lazily

with lazily():
    from rich.progress import Progress

LOOK_EVERY_S: Final = 0.25
STEPS: Final = 5  # plain lines per stage


async def show_training(progress: Callable[[], TrainingProgress], say: Callable[[str], None]) -> None:
    """Show every training until cancelled.

    Args:
        progress: the trainer's progress.
        say: prints a line.
    """
    show = _Bar() if sys.stdout.isatty() else _Lines(say)
    try:
        while True:
            _update(show, progress())
            await asyncio.sleep(LOOK_EVERY_S)
    finally:
        _update(show, TrainingProgress())


def _update(show: _Bar | _Lines, progress: TrainingProgress) -> None:
    """Show how far it is; a terminal that was closed is shown nothing."""
    with suppress(OSError, ValueError):
        show.update(progress)


class _Lines:
    """At most `STEPS` lines a stage."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said: tuple[str, int] = ("", -1)

    def update(self, progress: TrainingProgress) -> None:
        if not progress.is_busy or progress.fraction is None:
            return
        step = int(STEPS * progress.fraction)
        if self._said[0] != progress.stage or step > self._said[1]:
            self._said = (progress.stage, step)
            self._say(f"training   {progress.stage}: {progress.fraction:.0%}")


class _Bar:
    """One rich progress bar, there while a training is."""

    def __init__(self) -> None:
        self._bars: Any = None
        self._task: Any = None

    def update(self, progress: TrainingProgress) -> None:
        if not progress.is_busy:
            if self._bars is not None:
                self._bars.stop()
                self._bars = None
            return
        if self._bars is None:
            self._bars = Progress(transient=True)
            self._bars.start()
            self._task = self._bars.add_task("training", total=None)
        if progress.total:
            done, total = progress.done, progress.total
            self._bars.update(self._task, description=progress.stage, completed=done, total=total)
