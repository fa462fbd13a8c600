"""Every command of `sigma` with its summary and its options, read off the code."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import typer

from bot.cli import BATCH, ENTRIES
from tests.builders import ROOT

BATCH_FOLDER = ROOT / "training" / "commands"


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A command as a person types it, and the first line of its help."""

    name: str
    summary: str


def all_commands() -> list[Described]:
    """Return the commands in the order of `sigma --help`."""
    found: list[Described] = []
    for word, entry in ENTRIES.items():
        if entry.module == BATCH:
            found += _batch(word)
        else:
            found += _of_app(
                word, importlib.import_module(f"bot.cli.commands.{entry.module}").app, is_group=entry.is_group
            )
    return found


def every_app() -> Iterator[tuple[str, typer.Typer]]:
    """Yield every command line as it is dispatched: the word after `sigma`, or the batch command, and its app."""
    for word, entry in ENTRIES.items():
        if entry.module != BATCH:
            yield word, importlib.import_module(f"bot.cli.commands.{entry.module}").app
    for path in sorted(BATCH_FOLDER.glob("[a-z]*.py")):
        app = typer.Typer(add_completion=False)
        app.command()(importlib.import_module(f"training.commands.{path.stem}").command)
        yield path.stem.replace("_", " ", 1), app


def _of_app(word: str, app: typer.Typer, *, is_group: bool) -> list[Described]:
    described = []
    for command in app.registered_commands:
        assert command.callback is not None
        name = command.name or command.callback.__name__.replace("_", "-")
        if is_group:
            described.append(Described(name=f"{word} {name}", summary=_first(command.callback.__doc__)))
        elif name == word or len(app.registered_commands) == 1:
            described.append(Described(name=word, summary=_first(command.callback.__doc__)))
    return described


def _batch(word: str) -> list[Described]:
    stem = word.replace("-", "_")
    paths = sorted(path for path in BATCH_FOLDER.glob("*.py") if path.stem == stem or path.stem.startswith(f"{stem}_"))
    return [
        Described(name=path.stem.replace("_", " ", 1) if path.stem != stem else word, summary=_help_of(path))
        for path in paths
    ]


def _help_of(path: Path) -> str:
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef) and node.name == "command":
            return _first(ast.get_docstring(node))
    return ""


def _first(text: str | None) -> str:
    return (text or "").strip().splitlines()[0] if text else ""
