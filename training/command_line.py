"""Finds and runs the files of `training/commands`: words to module names, one typer app per call.

Adds `--config` and `--despite-findings` to what every command takes. Knows no command by name.
"""

from __future__ import annotations

import importlib
import pkgutil
import textwrap
from collections.abc import Sequence
from typing import Any, Final

import typer

from storage.terminal.run import call
from storage.terminal.table import terminal_width
from storage.terminal.words import did_you_mean
from strategies.errors import BadInput
from training import commands
from training.runtime.progress import configured_by, warnings_aside

GROUPS: Final = (
    "train",
    "tune",
    "check",
    "import",
    "report",
    "ledger",
)  # words that are followed by a command of their own
_USAGE: Final = """usage: python -m training COMMAND [OPTIONS]   (people write: sigma COMMAND [OPTIONS])

Every command takes --config FILE, --json (one JSON document on stdout, the rest on stderr), --verbose, --help, and
--despite-findings (go on although the data check says fatal).
Example: python -m training train bundle --symbols BTCUSDT,ETHUSDT --timeframe 1h
"""


def dispatch(arguments: list[str]) -> int:
    """Run a command line.

    Raises:
        SigmaError: whatever the command raises; BadInput for an unknown word or a wrong option.
    """
    known = names()
    if not arguments or arguments[0] in ("--help", "-h"):
        print(usage(known), end="")
        return 0 if arguments else 2
    words = arguments[:2] if arguments[0] in GROUPS else arguments[:1]
    if arguments[0] in GROUPS and (len(words) < 2 or words[1] in ("--help", "-h")):
        print(group_usage(arguments[0], [name for name in known if name.startswith(arguments[0] + " ")]), end="")
        return 0 if len(words) > 1 else 2
    name = " ".join(words)
    if name not in known:
        hint = did_you_mean(name, known, f"there are {', '.join(known)}")
        raise BadInput(f"unknown command {name!r}; {hint}")
    return _run(name, *_take_common(arguments[len(words) :]))


def names() -> list[str]:
    """Return the commands that exist, as they are typed."""
    return sorted(_typed(module.name) for module in pkgutil.iter_modules(commands.__path__) if module.name[0] != "_")


def usage(known: Sequence[str]) -> str:
    """Return the help that lists commands."""
    return _USAGE + "\n" + _summaries(known)


def group_usage(group: str, known: Sequence[str]) -> str:
    """Return the help of a group, as people type it."""
    return (
        f"usage: sigma {group} COMMAND [OPTIONS]\n\n"
        f"Every command takes --help, which ends in an example, --json and --verbose.\n\n{_summaries(known)}"
    )


def _summaries(known: Sequence[str]) -> str:
    """Return every command: its name and the first line of its help, wrapped beside it."""
    lines = []
    for name in known:
        summary = (_module(name).command.__doc__ or "").strip().splitlines()
        line = f"  {name:<22} {summary[0] if summary else ''}"
        lines.append(textwrap.fill(line, terminal_width(), subsequent_indent=" " * 25, break_on_hyphens=False) + "\n")
    return "".join(lines)


def _run(name: str, arguments: list[str], config: str | None, despite_findings: bool) -> int:
    app = typer.Typer(add_completion=False)
    app.command(name=name)(_module(name).command)
    with configured_by(config, despite_findings=despite_findings), warnings_aside():
        return call(app, name, arguments)


def _take_common(arguments: list[str]) -> tuple[list[str], str | None, bool]:
    """Split off `--despite-findings` and `--config FILE`, wherever they stand."""
    rest: list[str] = []
    config: str | None = None
    waiting = iter(arguments)
    for word in waiting:
        if word == "--config":
            config = next(waiting, None)
            if config is None:
                raise BadInput("--config needs a file")
        elif word.startswith("--config="):
            config = word.partition("=")[2]
        elif word != "--despite-findings":
            rest.append(word)
    return rest, config, "--despite-findings" in arguments


def _module(name: str) -> Any:
    return importlib.import_module(f"training.commands.{name.replace(' ', '_').replace('-', '_')}")


def _typed(module: str) -> str:
    group, _, rest = module.partition("_")
    return f"{group} {rest.replace('_', '-')}" if group in GROUPS and rest else module.replace("_", "-")
