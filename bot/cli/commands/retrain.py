"""`sigma retrain`: a daemon that runs trains by itself and swaps; without one this process becomes the batch command.

The production pointer of a running daemon is moved by the daemon alone: a retraining with options of its own beside
one is kept on the bench, and promoted by name.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from bot.cli.commands.batch import become
from bot.cli.commands.control import NoDaemon, ask
from storage.config.effective import load
from storage.terminal import output

if TYPE_CHECKING:
    from storage.config.tree import Config

POLL_S: Final = 0.5
COMMON: Final = ("--json", "--verbose")
WITHOUT_VERDICT: Final = ("failed: ", "cancelled by ")  # as `bot/retraining/trainer.py` says it
PROMOTES: Final = ("--promote", "--no-promote")


def retrain(arguments: Sequence[str]) -> int:
    """Ask a running daemon to train, and follow it to the end; without one, train here.

    Raises:
        BadInput: it is training already.
    """
    options = [word for word in arguments if word not in COMMON]
    if "--help" in options or "-h" in options:
        become(["retrain", *arguments])
    config = load()
    try:
        before = ask(config, "GET", "/api/training")
    except NoDaemon:
        become(["retrain", *arguments])
    if options:
        output.note("a daemon runs: the bundle is kept on the bench; sigma models promote ID lets it decide")
        become(["retrain", *(word for word in arguments if word not in PROMOTES), "--no-promote"])
    with output.style(as_json="--json" in arguments, verbose="--verbose" in arguments):
        ask(config, "POST", "/api/retrain")
        ended = _followed(config, int(before["last_finished_ms"]))
        output.emit(ended, str(ended["outcome"]))
    return code_of(str(ended["outcome"]))


def code_of(outcome: str) -> int:
    """Return the exit code of a training: 0 where it came to its verdict, whatever that is; 1 where it came to none."""
    return int(outcome.startswith(WITHOUT_VERDICT))


def _followed(config: Config, before_ms: int) -> dict[str, Any]:
    """Say every line of progress until a training has ended after `before_ms`; return what came of it."""
    said = ""
    while True:
        progress = ask(config, "GET", "/api/training")
        if progress["state"] == "idle" and int(progress["last_finished_ms"]) > before_ms:
            return {"bundle": progress["last_bundle"], "outcome": progress["last_outcome"]}
        line = str(progress["text"])
        if line != said:
            output.note(line)
            said = line
        time.sleep(POLL_S)
