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
    """Trains when asked; a step a question."""

    def __init__(self, outcome: str = "bundle b-1 promoted: alike") -> None:
        self.asked: list[str] = []
        self._outcome = outcome
        self._lines = ["to the POST", "history of BTCUSDT: 5 of 5 candles", "training: 1 of 2 fits, fold 1"]

    def ask(self, _config: object, method: str, path: str) -> dict[str, Any]:
        self.asked.append(f"{method} {path}")
        idle = {"state": "idle", "text": "idle", "last_finished_ms": 7, "last_outcome": "old", "last_bundle": "b-0"}
        if "POST /api/retrain" not in self.asked:
            return idle
        if self._lines:
            return idle | {"state": "training", "text": self._lines.pop(0)}
        return idle | {"last_finished_ms": 9, "last_outcome": self._outcome, "last_bundle": "b-1"}


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def become(arguments: Sequence[str]) -> NoReturn:
        raise Became(arguments)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(retrain, "POLL_S", 0.0)
    monkeypatch.setattr(retrain, "become", become)


def test_a_daemon_that_runs_is_asked_and_followed_to_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon = Daemon()
    monkeypatch.setattr(retrain, "ask", daemon.ask)
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
def test_a_training_that_came_to_no_verdict_is_told_by_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, outcome: str, code: int
) -> None:
    monkeypatch.setattr(retrain, "ask", Daemon(outcome).ask)
    assert main(["retrain", "--json"]) == code


def test_options_of_its_own_are_trained_beside_the_daemon_and_kept_on_the_bench(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(retrain, "ask", Daemon().ask)
    with pytest.raises(Became) as became:
        main(["retrain", "--families", "ridge", "--promote"])
    assert became.value.arguments == ["retrain", "--families", "ridge", "--no-promote"]
    assert "kept on the bench" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["--json"], ["--until", "2025-01-01"], ["--help"]])
def test_alone_it_is_the_batch_command(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    def nobody(*_: object) -> dict[str, Any]:
        raise NoDaemon("no daemon answers")

    monkeypatch.setattr(retrain, "ask", nobody)
    with pytest.raises(Became) as became:
        main(["retrain", *arguments])
    assert became.value.arguments == ["retrain", *arguments]
