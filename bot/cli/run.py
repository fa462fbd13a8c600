"""`sigma run`: start the daemon."""

from __future__ import annotations


import typer

from bot.cli import output
from storage.config import load

app = typer.Typer(add_completion=False)


@app.command()
def run() -> None:
    """Start the daemon: watch the exchange, decide, paper-trade, retrain. Stop it with Ctrl-C or `sigma stop --daemon`.

    Example: sigma run
    """
    import uvloop

    from bot.daemon import run as run_daemon

    config = load()
    uvloop.run(run_daemon(config, verbose=output.is_verbose(), say=lambda line: print(line, flush=True)))
