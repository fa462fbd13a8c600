"""What the person who started the daemon sees of a training: a bar on a terminal, a few plain lines elsewhere."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable
from typing import Any, Final

LOOK_EVERY_S: Final = 0.25
STEPS: Final = 5  # plain lines per stage
AMOUNT: Final = re.compile(r"^(?P<stage>.*?): (?P<done>[\d,]+) of (?P<total>[\d,]+)")


async def show_training(progress: Callable[[], dict[str, Any]], say: Callable[[str], None]) -> None:
    """Show every training until cancelled.

    Args:
        progress: the trainer's progress; its `line` reads "stage: 3 of 10 …" where an amount is known.
        say: prints a line.
    """
    show = _Bar() if sys.stdout.isatty() else _Lines(say)
    try:
        while True:
            now = progress()
            show.update(now["state"] != "idle", str(now.get("line", "")))
            await asyncio.sleep(LOOK_EVERY_S)
    finally:
        show.update(False, "")


def amount_of(line: str) -> tuple[str, int, int] | None:
    """Return (stage, done, total) of a progress line, or None where it names no amount."""
    found = AMOUNT.match(line)
    if found is None:
        return None
    done, total = (int(found[name].replace(",", "")) for name in ("done", "total"))
    return found["stage"], done, max(total, 1)


class _Lines:
    """At most `STEPS` lines a stage."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said: tuple[str, int] = ("", -1)

    def update(self, is_busy: bool, line: str) -> None:
        amount = amount_of(line)
        if not is_busy or amount is None:
            return
        stage, done, total = amount
        step = STEPS * done // total
        if self._said[0] != stage or step > self._said[1]:
            self._said = (stage, step)
            self._say(f"training   {stage}: {done / total:.0%}")


class _Bar:
    """One rich progress bar, there while a training is."""

    def __init__(self) -> None:
        self._bars: Any = None
        self._task: Any = None

    def update(self, is_busy: bool, line: str) -> None:
        if not is_busy:
            if self._bars is not None:
                self._bars.stop()
                self._bars = None
            return
        if self._bars is None:
            from rich.progress import Progress

            self._bars = Progress(transient=True)
            self._bars.start()
            self._task = self._bars.add_task("training", total=None)
        amount = amount_of(line)
        if amount is not None:
            stage, done, total = amount
            self._bars.update(self._task, description=stage, completed=done, total=total)
