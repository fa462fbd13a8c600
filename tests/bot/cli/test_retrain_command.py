"""`sigma retrain`: beside a daemon it asks and follows, and never moves its pointer; alone it is the batch command."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import pytest

from bot.cli import main
from bot.cli.commands import retrain
from bot.cli.commands.control import NoDaemon


class Became(BaseException):
    """This process would be another one now."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self.arguments = list(arguments)


class Daemon:
    """Trains when asked; a step a question. Or is not there at all."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.outcome = "bundle b-1 promoted: alike"
        self.is_there = True
        self._lines = ["to the POST", "history of BTCUSDT: 5 of 5 candles", "training: 1 of 2 fits, fold 1"]

    def ask(self, _config: object, method: str, path: str) -> dict[str, Any]:
        if not self.is_there:
            raise NoDaemon("no daemon answers")
        self.asked.append(f"{method} {path}")
        idle = {"state": "idle", "text": "idle", "last_finished_ms": 7, "last_outcome": "old", "last_bundle": "b-0"}
        if "POST /api/retrain" not in self.asked:
            return idle
        if self._lines:
            return idle | {"state": "training", "text": self._lines.pop(0)}
        return idle | {"last_finished_ms": 9, "last_outcome": self.outcome, "last_bundle": "b-1"}


@pytest.fixture(autouse=True)
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Daemon:
    """The daemon of a folder of its own, asked instead of a socket."""
    made = Daemon()

    def become(arguments: Sequence[str]) -> NoReturn:
        raise Became(arguments)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(retrain, "POLL_S", 0.0)
    monkeypatch.setattr(retrain, "become", become)
    monkeypatch.setattr(retrain, "ask", made.ask)
    return made


def test_a_daemon_that_runs_is_asked_and_followed_to_the_end(
    daemon: Daemon, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["retrain", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == {"bundle": "b-1", "outcome": "bundle b-1 promoted: alike"}
    assert said.err.splitlines() == ["history of BTCUSDT: 5 of 5 candles", "training: 1 of 2 fits, fold 1"]
    assert daemon.asked.count("POST /api/retrain") == 1


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        ("failed: no history came; sigma: data could not be written: No space left on device", 1),
        ("cancelled by cli", 1),
        ("bundle b-1 rejected: no edge found", 0),
    ],
)
def test_a_training_that_came_to_no_verdict_is_told_by_the_exit_code(daemon: Daemon, outcome: str, code: int) -> None:
    daemon.outcome = outcome
    assert main(["retrain", "--json"]) == code


def test_options_of_its_own_are_trained_beside_the_daemon_and_kept_on_the_bench(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(Became) as became:
        main(["retrain", "--families", "ridge", "--promote"])
    assert became.value.arguments == ["retrain", "--families", "ridge", "--no-promote"]
    assert "kept on the bench" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["--json"], ["--until", "2025-01-01"], ["--help"]])
def test_alone_it_is_the_batch_command(daemon: Daemon, arguments: list[str]) -> None:
    daemon.is_there = False
    with pytest.raises(Became) as became:
        main(["retrain", *arguments])
    assert became.value.arguments == ["retrain", *arguments]
