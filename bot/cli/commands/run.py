"""`sigma run`: start the daemon."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from storage.config.effective import load
from storage.lazy import lazily
from storage.terminal import output
from strategies.errors import SigmaError

with lazily():
    import uvloop

    from bot import daemon

app = typer.Typer(add_completion=False)


@app.command()
def run(
    new_account: Annotated[
        bool, typer.Option("--new-account", help="Open a new account where another's ledger is missing.")
    ] = False,
) -> None:
    """Start the daemon: watch the exchange, decide, paper-trade, retrain. Stop it with Ctrl-C or `sigma stop --daemon`.

    Example: sigma run
    """
    config = load()
    try:
        uvloop.run(daemon.run(config, verbose=output.is_verbose(), new_account=new_account))
    except BaseExceptionGroup as group:
        raise only(group) from group


def only(error: BaseException) -> BaseException:
    """Return what a person can act on: the first plain error inside nested groups."""
    while isinstance(error, BaseExceptionGroup):
        known = [part for part in error.exceptions if not isinstance(part, asyncio.CancelledError)]
        error = next((part for part in known if isinstance(part, SigmaError)), known[0])
    return error
