"""Options: one spelling for all commands, others understood, and None where nothing was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
import typer

from storage.terminal.options import SAME, Since, Symbols, spelled, takes
from storage.terminal.run import call
from strategies.errors import BadInput
from tests.docs.commands import every_app


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Options of a command that is made up here."""

    symbols: Symbols = None
    since_ms: Since = None
    size: Annotated[int, typer.Option(min=1, help="How many.")] = 3


def app_of(found: list[Choice]) -> typer.Typer:
    app = typer.Typer(add_completion=False)

    @app.command()
    @takes(Choice)
    def choose(choice: Choice) -> None:
        """Choose."""
        found.append(choice)

    return app


def chosen(*words: str) -> Choice:
    found: list[Choice] = []
    assert call(app_of(found), "choose", list(words)) == 0
    return found[0]


def parameters() -> Iterator[tuple[str, Any]]:
    for name, app in every_app():
        command = typer.main.get_command(app)
        for part in getattr(command, "commands", {name: command}).values():
            yield from ((f"{name} {part.name}", parameter) for parameter in part.params)


def test_a_command_takes_one_value_with_its_options() -> None:
    assert chosen() == Choice()
    assert chosen("--symbols", "BTCUSDT", "--since", "1970-01-02", "--size", "5") == Choice(
        symbols="BTCUSDT", since_ms=86_400_000, size=5
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--symbol", "ETHUSDT"), Choice(symbols="ETHUSDT")),
        (("--target-symbol=ETHUSDT",), Choice(symbols="ETHUSDT")),
        (("--start-date", "1970-01-02"), Choice(since_ms=86_400_000)),
        (("--from=1970-01-01T01:00",), Choice(since_ms=3_600_000)),
    ],
)
def test_other_spellings_are_read_as_the_one(words: tuple[str, ...], expected: Choice) -> None:
    assert chosen(*words) == expected


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--since", "soon"), "--since is 'soon', which is not a day"),
        (("--size", "0"), "--help says what is possible"),
        (("--sizes", "2"), "--help says what is possible"),
    ],
)
def test_what_cannot_be_read_is_said_in_a_line(words: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint):
        chosen(*words)


def test_only_options_that_a_command_lacks_are_spelled_anew() -> None:
    known = {"--symbol", "--until"}
    assert spelled(["--symbols=A", "--end-date", "--x", "from", "--", "--to"], known) == [
        *("--symbol=A", "--until", "--x", "from", "--", "--to")
    ]
    assert spelled(["--symbol", "A"], known) == ["--symbol", "A"]


def test_every_option_has_one_spelling_in_every_command() -> None:
    others = {name for group in SAME for name in group[1:]} - {"--symbol"}
    for command, parameter in parameters():
        assert len([name for name in parameter.opts if name.startswith("--")]) <= 1, (command, parameter.opts)
        assert not others & set(parameter.opts), (command, parameter.opts)


def test_symbol_means_one_market_and_symbols_several() -> None:
    for command, parameter in parameters():
        if "--symbol" in parameter.opts:
            assert "comma separated" not in (parameter.help or "").lower(), command
        if "--symbols" in parameter.opts:
            assert parameter.name == "symbols", command


def test_no_option_says_that_it_was_not_given_by_a_value() -> None:
    for command, parameter in parameters():
        assert parameter.default not in ("", -1), (command, parameter.name)
