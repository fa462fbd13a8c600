"""`sigma config`: what holds in the end, file and environment together."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any

import typer

from bot.cli.commands.config_edit import edit, init, set_
from storage.config.effective import load
from storage.lazy import lazily
from storage.terminal.output import emit, note
from strategies.errors import BadInput

with lazily():
    from storage.config.environment import secrets_of, variable_of
    from storage.config.tree import Config

app = typer.Typer(add_completion=False, help="Check, show and change the configuration.")
app.command()(init)
app.command("set")(set_)
app.command()(edit)


@app.command()
def check() -> None:
    """Check the configuration and print the effective values, secrets masked.

    Example: sigma config check
    """
    from storage.config.tree import BadConfig

    try:
        config = load()
    except BadConfig as error:
        for problem in error.problems[:-1]:
            note(f"sigma: {problem}")
        raise BadInput(error.problems[-1]) from error
    values, missing = config.shown(), _missing(config)
    said = f"; but `sigma run` will not start here: {missing}" if missing else ""
    document = {"valid": True, "values": values, "run_needs": missing}
    emit(document, lambda: f"{text_of(values)}\n\nthe configuration is valid{said}")


def _missing(config: Config) -> str:
    """Return what a daemon would miss if it started with what this shell knows, in words."""
    try:
        config.require_complete()
    except BadInput as error:
        return str(error)
    return ""


@app.command()
def show(
    section: Annotated[str | None, typer.Argument(help="Only this section, e.g. risk.")] = None,
) -> None:
    """Print the effective values, secrets masked, as TOML.

    Example: sigma config show risk
    """
    values = load().shown()
    if section and section not in values:
        raise BadInput(f"there is no section [{section}]; known are {', '.join(values)}")
    chosen = {section: values[section]} if section else values
    emit(chosen, lambda: text_of(chosen))


def text_of(values: dict[str, Any]) -> str:
    """Return sections of plain values as TOML that can be read back: secrets are comments."""
    return "\n".join(_lines(values, ())).strip()


def _lines(values: dict[str, Any], section: tuple[str, ...]) -> Iterator[str]:
    secrets = _secrets()
    plain = {name: value for name, value in values.items() if not isinstance(value, dict)}
    if plain:
        yield f"\n[{'.'.join(section)}]"
    for name, value in plain.items():
        keys = (*section, name)
        line = f"{name} = {_literal(value)}"
        yield f"# {line}  # a secret: {variable_of(keys)}" if keys in secrets else line
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _lines(value, (*section, name))


@cache
def _secrets() -> frozenset[tuple[str, ...]]:
    return frozenset(secrets_of(Config))


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(_literal(element) for element in value) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)
