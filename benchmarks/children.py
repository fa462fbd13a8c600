"""Processes that work while nobody reads what they say.

A pipe holds 64 KB: a process that says more waits until somebody reads, and looks as if it hung. Files take all of it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


class Child:
    """A process that runs, and what it said so far.

    Args:
        line: the command.
        folder: for what it says; it is made.
        env: its environment; None: ours.
    """

    def __init__(self, line: Sequence[str], folder: Path, env: Mapping[str, str] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
            self.process = subprocess.Popen(line, env=None if env is None else dict(env), stdout=out, stderr=err)

    @property
    def out(self) -> str:
        """What it printed."""
        return (self._folder / "out").read_text(errors="replace")

    @property
    def err(self) -> str:
        """What it said beside."""
        return (self._folder / "err").read_text(errors="replace")
