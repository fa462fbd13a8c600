"""`sigma feed`: one connection to the exchange for all daemons of this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli.commands.run import only
from storage.config.effective import load
from storage.lazy import lazily
from storage.terminal import output
from strategies.errors import BadInput

with lazily():
    import uvloop

    from bot import feed_process

app = typer.Typer(add_completion=False)


@app.command()
def feed(
    source: Annotated[str | None, typer.Option(help="unix:PATH to serve at; [feed] source where not given.")] = None,
) -> None:
    """Hold the exchange's sockets and serve every daemon of this machine whose [feed] source is the same.

    Example: sigma feed --source unix:state/feed.sock
    """
    config = load()
    address = source or config.feed.source
    if not address.startswith("unix:") or address == "unix:":
        needed = "unix:PATH is needed, by --source or as [feed] source"
        raise BadInput(f"the feed's address is {address!r}; {needed}")
    try:
        serving = feed_process.serve(config, address, verbose=output.is_verbose())
        uvloop.run(serving)
    except BaseExceptionGroup as group:
        raise only(group) from group
