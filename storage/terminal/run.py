"""Runs a typer app as one of sigma's commands: adds the options of every command, turns usage errors into one line."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import typer

from storage.terminal import output
from storage.terminal.help import with_example
from storage.terminal.options import spelled
from strategies.errors import BadInput, Interrupted


def call(app: typer.Typer, word: str, arguments: list[str]) -> int:
    """Run `sigma WORD ARGUMENTS…` and return its exit code.

    Args:
        app: a group (`data download`), a collection (`pause`, `resume`, …) or a single command (`run`).
        word: the word after `sigma`.
        arguments: what follows it.

    Raises:
        SigmaError: whatever the command raises; BadInput for a wrong option.
    """
    app.rich_markup_mode = None
    _add_output_options(app)
    names = {_name_of(command) for command in app.registered_commands}
    is_single = len(app.registered_commands) == 1 and not app.registered_groups and app.registered_callback is None
    if not is_single and word in names:
        program, arguments = "sigma", [word, *arguments]
    else:
        program = f"sigma {word}"
    command = typer.main.get_command(app)
    arguments = spelled(arguments, _options_of(command, arguments))
    if not arguments and len(names) > 1:
        arguments = ["--help"]
    try:
        code = command.main(args=arguments, prog_name=program, standalone_mode=False)
    except typer.TyperException as error:
        message = error.format_message().rstrip(".")
        raise BadInput(f"{message}; {program} --help says what is possible" if message else "") from error
    except typer.Abort as error:
        raise BadInput("cancelled; nothing was changed") from error
    if code == Interrupted.exit_code:  # typer makes an exit of Ctrl-C, and nothing would be said
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


def _options_of(command: Any, arguments: list[str]) -> set[str]:
    """Return the options of a command, or of that command of a group which is asked for."""
    for word in arguments:
        command = getattr(command, "commands", {}).get(word, command)
    return {name for part in command.params for name in (*part.opts, *part.secondary_opts)}


def _name_of(command: Any) -> str:
    found: str = command.name or command.callback.__name__.replace("_", "-")
    return found


def _add_output_options(app: typer.Typer) -> None:
    for command in app.registered_commands:
        if command.callback is not None:
            command.callback = _with_output_options(command.callback)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            _add_output_options(group.typer_instance)


def _with_output_options(callback: Callable[..., Any]) -> Callable[..., Any]:
    """Return the callback with three more options, which set up `output` before it runs."""
    signature = inspect.signature(callback, eval_str=True)
    if "as_json" in signature.parameters:
        return callback
    added = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=typer.Option(False, flag, help=text), annotation=bool
        )
        for name, flag, text in (
            ("as_json", "--json", "Print one JSON document on stdout; everything else goes to stderr."),
            ("wide", "--wide", "Every column of a table, however long its lines get."),
            ("verbose", "--verbose", "Say more on stderr."),
        )
    ]

    @functools.wraps(callback)
    def run(*args: Any, as_json: bool, wide: bool, verbose: bool, **options: Any) -> Any:
        with output.style(as_json=as_json, verbose=verbose, wide=wide):
            return callback(*args, **options)

    run.__doc__ = with_example(callback.__doc__)
    run.__annotations__ = {**callback.__annotations__, "as_json": bool, "wide": bool, "verbose": bool}
    run.__signature__ = signature.replace(parameters=[*signature.parameters.values(), *added])  # type: ignore[attr-defined]
    return run
