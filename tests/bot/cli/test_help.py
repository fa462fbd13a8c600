"""Help: quick, within 80 columns, and with examples that can be pasted."""

from __future__ import annotations

import importlib
import re
import shlex
import subprocess
import sys
from typing import Any

import pytest
import typer

from bot.cli import BATCH, ENTRIES, usage
from bot.cli.commands.completion import words
from tests.builders import ROOT
from tests.docs.commands import BATCH_FOLDER
from training.command_line import GROUPS, group_usage, names

HEAVY = ("numpy", "pandas", "pyarrow", "numba", "sqlalchemy", "torch")
QUICK = [["run"], ["status"], ["ledger", "trades"], ["models", "list"], ["runs", "list"], ["config", "set"], ["logs"]]
QUICK_BATCH = [["backtest"], ["walk-forward"], ["train", "lstm"], ["train", "ppo"], ["tune", "xgboost"], ["retrain"]]


def loaded(entry: str, arguments: list[str]) -> str:
    program = (
        f"import sys\nfrom {entry} import main\nmain({arguments!r})\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    answer = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert "Usage: sigma" in answer.stdout
    return answer.stderr.strip()


@pytest.mark.parametrize("command", QUICK, ids=" ".join)
def test_help_loads_no_numerics_and_no_database(command: list[str]) -> None:
    assert loaded("bot.cli", [*command, "--help"]) == "[]"


@pytest.mark.parametrize("command", QUICK_BATCH, ids=" ".join)
def test_help_of_batch_commands_loads_no_numerics(command: list[str]) -> None:
    assert loaded("training.__main__", [*command, "--help"]) == "[]"


def test_the_list_of_commands_has_its_parts_and_fits_80_columns() -> None:
    lines = usage().splitlines()
    assert max(map(len, lines)) <= 80
    parts = [line for line in lines if line.endswith(":") and line[0] != " "]
    assert len(parts) == 5
    assert lines.index(parts[0]) < lines.index("  run           " + ENTRIES["run"].summary)


@pytest.mark.parametrize("group", GROUPS)
def test_the_help_of_a_group_of_batch_commands_fits_80_columns(group: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = group_usage(group, [name for name in names() if name.startswith(f"{group} ")])
    assert max(map(len, text.splitlines())) <= 80


def examples() -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for entry in ENTRIES.values():
        if entry.module != BATCH:
            app = importlib.import_module(f"bot.cli.commands.{entry.module}").app
            found += [(str(command.callback.__doc__), command.callback) for command in app.registered_commands]
    for path in BATCH_FOLDER.glob("[a-z]*.py"):
        command = getattr(importlib.import_module(f"training.commands.{path.stem}"), "command", None)
        if command is not None:
            found.append((str(command.__doc__), command))
    return found


def test_every_example_is_a_command_that_exists_with_options_that_exist() -> None:
    following = words()
    for text, command in examples():
        for line in re.findall(r"Example: (.*)", text):
            program, word, *rest = shlex.split(line)
            assert program == "sigma", line
            assert word in following, line
            if following[word] and word != "exchange":
                assert rest[0] in following[word], line
            if "context" in command.__annotations__:  # it hands its options on to a command that is read by itself
                continue
            app = typer.Typer(add_completion=False)
            app.command()(command)
            known = {name for part in typer.main.get_command(app).params for name in (*part.opts, *part.secondary_opts)}
            known |= {"--json", "--wide", "--verbose"}
            assert {part.partition("=")[0] for part in rest if re.match(r"--?[a-z]", part)} <= known, line
