"""Batch commands: this process becomes `python -m training …`. The CLI never imports what it runs there."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn


def command_line(arguments: Sequence[str]) -> list[str]:
    """Return the argument vector that runs a batch command with this interpreter."""
    return [sys.executable, "-m", "training", *arguments]


def become(arguments: Sequence[str]) -> NoReturn:
    """Replace this process by the batch command: same arguments, terminal, signals and exit code."""
    sys.stdout.flush()
    sys.stderr.flush()
    vector = command_line(arguments)
    os.execv(vector[0], vector)
