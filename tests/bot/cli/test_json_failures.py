"""With `--json` every failure of every command is one JSON document on stdout and one line on stderr."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest
import typer

from bot.cli import BATCH, ENTRIES
from bot.cli import main as sigma
from training import command_line
from training.__main__ import main as train

BATCHES = command_line.names()


def _of_group(word: str, app: typer.Typer, prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the words of every command of an app, as they are typed."""
    own = [
        command.name or getattr(command.callback, "__name__", "").replace("_", "-")
        for command in app.registered_commands
    ]
    single = len(own) == 1 and not app.registered_groups and app.registered_callback is None
    found = [prefix if single or name.rstrip("-") == prefix[-1] else (*prefix, name.rstrip("-")) for name in own]
    for group in app.registered_groups:
        if group.typer_instance is not None:
            found += _of_group(word, group.typer_instance, (*prefix, group.name or ""))
    return found


def commands() -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for word, entry in ENTRIES.items():
        if entry.module == BATCH or word == "retrain":
            continue
        app = importlib.import_module(f"bot.cli.commands.{entry.module}").app
        names = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
        is_collection = len(names) > 1 and any(name.replace("_", "-") == word for name in names)
        found += [(word,)] if is_collection else _of_group(word, app, tuple(word.split()))
    return list(dict.fromkeys(found))


def require_document(capsys: pytest.CaptureFixture[str], code: int) -> dict[str, object]:
    captured = capsys.readouterr()
    document = dict(json.loads(captured.out))
    assert set(document) == {"error", "kind", "exit_code"}
    assert document["exit_code"] == code
    assert document["error"] in captured.err
    assert "Traceback" not in captured.err
    return document


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder; a command that would become a batch process is run in this one."""

    def run_here(_: str, vector: list[str]) -> NoReturn:
        raise SystemExit(train(vector[3:]))

    monkeypatch.setattr("os.execv", run_here)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", BATCHES)
def test_a_batch_command_says_a_wrong_option_in_json(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = train([*name.split(), "--no-such-option", "--json"])
    assert code == 2
    require_document(capsys, code)


@pytest.mark.parametrize("name", BATCHES)
def test_an_unforeseen_error_of_a_batch_command_is_one_line_with_a_report(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def command() -> None:
        """Divide by nothing."""
        raise ZeroDivisionError("nobody thought of this")

    monkeypatch.setattr(command_line, "_module", lambda _: SimpleNamespace(command=command))
    code = train([*name.split(), "--json"])
    said = str(require_document(capsys, code)["error"])
    assert code == 70
    assert "nobody thought of this" in Path(said.rpartition("report is ")[2]).read_text()


@pytest.mark.parametrize("name", BATCHES)
def test_an_interrupted_batch_command_says_so_in_json(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def command() -> None:
        """Be stopped."""
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "_module", lambda _: SimpleNamespace(command=command))
    code = train([*name.split(), "--json"])
    assert code == 130
    require_document(capsys, code)


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_other_command_says_a_wrong_option_in_json(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = sigma([*words, "--no-such-option", "--json"])
    except SystemExit as ended:
        code = int(str(ended.code))
    assert code == 2
    require_document(capsys, code)


def test_a_missing_configuration_is_said_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    code = train(["train", "ridge", "--config", "nowhere.toml", "--json"])
    assert "nowhere.toml" in str(require_document(capsys, code)["error"])


def test_the_walk_meets_every_command() -> None:
    walked = {" ".join(words) for words in commands()} | set(BATCHES)
    assert {"data import", "data list", "models promote", "runs show", "ledger trades", "walk-forward"} <= walked
    assert len(walked) > 60
