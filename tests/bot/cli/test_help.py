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
from training.command_line import GROUPS, group_usage
from training.command_line import names as batch_names

HEAVY = ("numpy", "pandas", "pyarrow", "numba", "sqlalchemy", "torch")
PROGRAM = """
import sys
from {entry} import main
for words in {commands!r}:
    main([*words, "--help"])
    heavy = [name for name in {heavy!r} if name in sys.modules]
    if heavy:
        sys.exit(f"{{' '.join(words)}} --help loads {{', '.join(heavy)}}")
"""


def helped(entry: str, commands: list[list[str]]) -> str:
    """Return what a process of its own printed as help of some commands; it ends at the first that loads too much."""
    program = PROGRAM.format(entry=entry, commands=commands, heavy=HEAVY)
    answer = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def own_commands() -> list[list[str]]:
    """Return every command of `sigma` that runs in its own process, a group's each."""
    of_group = words()
    found = []
    for word, entry in ENTRIES.items():
        if entry.module != BATCH:
            found += [[word, name] for name in of_group[word]] if entry.is_group else [word.split()]
    return [part for part in found if part != ["ledger", "report"]]  # that one is a batch command


def test_no_help_loads_numerics_or_a_database() -> None:
    commands = own_commands()
    assert len(commands) > 35
    assert helped("bot.cli", [[], *commands]).count("Usage: sigma") == len(commands)


def test_no_help_of_a_batch_command_loads_numerics() -> None:
    commands = [name.split() for name in batch_names()]
    assert len(commands) > 20
    assert helped("training.__main__", [[], *commands]).count("Usage: sigma") == len(commands)


def test_the_list_of_commands_has_its_parts_and_fits_80_columns() -> None:
    lines = usage().splitlines()
    assert max(map(len, lines)) <= 80
    parts = [line for line in lines if line.endswith(":") and line[0] != " "]
    assert len(parts) == 5
    assert lines.index(parts[0]) < lines.index("  run           " + ENTRIES["run"].summary)


def test_a_batch_command_is_called_by_the_words_that_people_type() -> None:
    following = words()
    for name in batch_names():
        first, _, rest = name.partition(" ")
        assert first in following, name
        assert not rest or rest in following[first], name


@pytest.mark.parametrize("group", GROUPS)
def test_the_help_of_a_group_of_batch_commands_fits_80_columns(group: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = group_usage(group, [name for name in batch_names() if name.startswith(f"{group} ")])
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
