"""Options that mean the same for every command, declared once: one spelling, one help text, one reading.

An option that was not given is None, and the configuration decides. `takes` lets a command take one frozen value
whose fields are its options.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar, get_type_hints

import typer

from strategies.values import iso_ms

# Spellings of one option: what the training guide, other bots or older habits write is read as what a command takes.
SAME: Final = (
    ("--symbols", "--symbol", "--target-symbol"),
    ("--timeframe", "--timeframes"),
    ("--since", "--start-date", "--from"),
    ("--until", "--end-date", "--to"),
    ("--report", "--file"),
)


def since_ms(text: str) -> int:
    """Return the value of `--since` in UTC milliseconds."""
    return iso_ms(text, "--since")


def until_ms(text: str) -> int:
    """Return the value of `--until` in UTC milliseconds."""
    return iso_ms(text, "--until")


def since(help: str) -> Any:
    """Return the option `--since`: a day or time in ISO form, UTC, read as milliseconds."""
    return typer.Option("--since", parser=since_ms, metavar="DAY", help=f"{help} ISO, UTC.")


def until(help: str) -> Any:
    """Return the option `--until`: a day or time in ISO form, UTC, exclusive, read as milliseconds."""
    return typer.Option("--until", parser=until_ms, metavar="DAY", help=f"{help} ISO, UTC, exclusive.")


Symbols = Annotated[
    str | None, typer.Option("--symbols", help="Markets, comma separated; else those of the configuration.")
]
OneSymbol = Annotated[str | None, typer.Option("--symbol", help="Only this market, e.g. BTCUSDT.")]
OneTimeframe = Annotated[str | None, typer.Option("--timeframe", help="Only this timeframe, e.g. 1h.")]
Kind = Annotated[str | None, typer.Option("--market", help="Only futures or only spot.")]
Exchange = Annotated[str | None, typer.Option("--exchange", help="Whose candles; else exchange.name.")]
OneExchange = Annotated[str | None, typer.Option("--exchange", help="Only this exchange; else all that are stored.")]
Since = Annotated[int | None, since("Only from this day or time on,")]
Until = Annotated[int | None, until("Only before this day or time,")]
Universe = Annotated[str | None, typer.Option("--universe", help="Instead of symbols: list, top or top:1 to top:500.")]
AccountName = Annotated[str | None, typer.Option("--account", help="Another account than [account] name.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="At most so many rows, newest first.")]
Report = Annotated[Path | None, typer.Option("--report", help="Write an HTML page here; it works offline.")]


T = TypeVar("T")


def takes(options: type[T]) -> Callable[[Callable[[T], Any]], Callable[..., Any]]:
    """Let a command take one value of a dataclass: each of its fields is an option, typed and explained there."""
    hints = get_type_hints(options, include_extras=True)
    parameters = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(options)  # type: ignore[arg-type]
    ]

    def dressed(command: Callable[[T], Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def run(**given: Any) -> Any:
            return command(options(**given))

        run.__annotations__ = {name: hints[name] for name in (part.name for part in parameters)}
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return run

    return dressed


def spelled(arguments: Sequence[str], known: Collection[str]) -> list[str]:
    """Return a command's arguments with every option as the command spells it.

    Args:
        known: the options that the command takes; another spelling of one of them is read as that one.
    """
    found: list[str] = []
    for number, word in enumerate(arguments):
        if word == "--":
            return [*found, *arguments[number:]]
        name, equals, value = word.partition("=")
        found.append(_one_spelling(name, known) + equals + value)
    return found


def _one_spelling(name: str, known: Collection[str]) -> str:
    if name in known:
        return name
    group = next((group for group in SAME if name in group), ())
    return next((other for other in group if other in known), name)
