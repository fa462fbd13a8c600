"""`sigma`: one command line for everything.

This file only dispatches. Each command group lives in a file of its own that is imported when it is asked for, so that
`sigma --help` costs nothing; batch commands become another process, `python -m training …`, with the same arguments.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.cli.commands.batch import become
from storage.lazy import lazily
from storage.terminal.output import fail
from storage.terminal.parent_watch import end_with_parent
from storage.terminal.words import did_you_mean
from strategies.errors import BadInput, Interrupted, SigmaError

with lazily():
    from bot.cli.commands.retrain import retrain
    from storage.failures import unforeseen
    from storage.terminal.run import call


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One word after `sigma`.

    Attributes:
        module: the file of `bot/cli/commands` where its typer `app` is; "training" for what runs as `python -m
        training`. summary: one line for people. is_group: the word is followed by a command of its own (`sigma data
        download`).
    """

    module: str
    summary: str
    is_group: bool = False


BATCH: Final = "training"
ENTRIES: Final[dict[str, Entry]] = {
    "run": Entry(module="run", summary="Start the daemon: watch, decide, paper-trade, retrain."),
    "feed": Entry(module="feed", summary="Hold the exchange's sockets for all daemons here."),
    "status": Entry(module="control", summary="Say what a running daemon is doing."),
    "watch": Entry(module="watch", summary="Watch it on a live terminal screen."),
    "pause": Entry(module="control", summary="Take no new entries; exits go on."),
    "resume": Entry(module="control", summary="Take entries again."),
    "close": Entry(module="control", summary="Close a position, or all of them."),
    "stop": Entry(module="control", summary="Kill switch: close everything and take no entries."),
    "sign-in": Entry(module="control", summary="Print a link that signs a browser in to the dashboard."),
    "share": Entry(module="control", summary="Print a link that lets others look, and change nothing."),
    "pair": Entry(module="control", summary="Print the code that lets a Telegram chat in."),
    "cancel": Entry(module="control", summary="End the running training, or a run."),
    "unlock": Entry(module="control", summary="Lift the protections that only a person may lift."),
    "ledger": Entry(module="ledger", summary="Trades, positions, signals, equity; verify.", is_group=True),
    "models": Entry(module="models", summary="List, compare, promote and roll back bundles.", is_group=True),
    "markets": Entry(module="markets", summary="Which markets are traded, and why; add, remove.", is_group=True),
    "data": Entry(module="data", summary="Download, import and check candles.", is_group=True),
    "exchange": Entry(module="exchange", summary="Run the built-in exchange by itself."),
    "exchange list": Entry(module="exchange_list", summary="Say what every exchange of ccxt.pro can do for the bot."),
    "train": Entry(module=BATCH, summary="Train xgboost, ridge, lstm, ppo or a whole bundle.", is_group=True),
    "tune": Entry(module=BATCH, summary="Search for better settings of a family.", is_group=True),
    "backtest": Entry(module=BATCH, summary="Trade a bundle over bars it has not seen."),
    "walk-forward": Entry(module=BATCH, summary="Train and test in a sliding window."),
    "import": Entry(module=BATCH, summary="Read another bot's trades, to compare with ours.", is_group=True),
    "report": Entry(module=BATCH, summary="Put runs side by side.", is_group=True),
    "runs": Entry(module="runs", summary="List and show run records.", is_group=True),
    "check": Entry(module=BATCH, summary="Known-answer tests for leakage.", is_group=True),
    "simulate": Entry(module=BATCH, summary="Replay the whole routine over history."),
    "parity": Entry(module=BATCH, summary="Put a day of live trading through the backtester."),
    "drift": Entry(module=BATCH, summary="Ask the monitors about features, calibration, turnover."),
    "retrain": Entry(module=BATCH, summary="Train, validate and promote or reject, now."),
    "init": Entry(module="init", summary="Make a configuration and secrets to begin with."),
    "backup": Entry(module="backup", summary="Write everything that cannot be fetched again to one file."),
    "restore": Entry(module="backup", summary="Put a backup in place and check that it replays."),
    "config": Entry(module="config", summary="Check, show, begin and change the configuration.", is_group=True),
    "doctor": Entry(module="doctor", summary="Say what works and what does not."),
    "logs": Entry(module="logs", summary="Show the daemon's log; -f follows it."),
    "completion": Entry(module="completion", summary="Print what lets bash, zsh or fish complete commands."),
    "version": Entry(module="version", summary="Print the version and those of its parts."),
}

# Title of each part of `sigma --help`, by the word that it begins with.
PARTS: Final = {
    "run": "The daemon",
    "ledger": "What it did, and by whom",
    "data": "Candles and exchanges",
    "train": "Train, test, compare",
    "init": "Setting up and looking after",
}

_USAGE: Final = """usage: sigma [--config FILE] COMMAND [OPTIONS]

Every command takes --help, --json (one JSON document on stdout), --wide (every
column of a table) and --verbose.
Example: sigma run
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    end_with_parent()
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _dispatch(given)
    except SigmaError as error:
        return fail(error, as_json="--json" in given)
    except KeyboardInterrupt:
        return fail(Interrupted("interrupted"), as_json=True) if "--json" in given else Interrupted.exit_code
    except BrokenPipeError:  # `sigma … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:  # the boundary of the command line: one line, and a report
        return fail(unforeseen(error, given), as_json="--json" in given)


def _dispatch(arguments: list[str]) -> int:
    arguments = _take_config(arguments)
    if not arguments or arguments[0] in ("--help", "-h", "help"):
        print(usage(), end="")
        return 0 if arguments else 2
    if arguments[0] == "--version":
        arguments = ["version"]
    word, *rest = arguments
    if rest and f"{word} {rest[0]}" in ENTRIES:
        word, rest = f"{word} {rest[0]}", rest[1:]
    entry = ENTRIES.get(word)
    if entry is None:
        raise _unknown(word)
    if word == "retrain":
        return retrain(rest)
    if entry.module == BATCH:
        become([word, *rest])
    return call(importlib.import_module(f"bot.cli.commands.{entry.module}").app, word, rest)


def usage() -> str:
    """Return the text of `sigma --help`."""
    lines = [_USAGE]
    for word, entry in ENTRIES.items():
        if word in PARTS:
            lines.append(f"\n{PARTS[word]}:\n")
        lines.append(f"  {word:<13} {entry.summary}\n")
    return "".join(lines)


def _take_config(arguments: list[str]) -> list[str]:
    """Turn a leading `--config FILE` into `SIGMA_CONFIG`, which child processes inherit."""
    if arguments and arguments[0].startswith("--config="):
        arguments = ["--config", arguments[0].partition("=")[2], *arguments[1:]]
    if len(arguments) >= 2 and arguments[0] == "--config":
        os.environ["SIGMA_CONFIG"] = arguments[1]
        return arguments[2:]
    return arguments


def _unknown(word: str) -> Exception:
    return BadInput(f"unknown command {word!r}; {did_you_mean(word, ENTRIES, 'sigma --help lists them')}")
