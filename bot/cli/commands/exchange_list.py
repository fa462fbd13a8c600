"""`sigma exchange list`: what every exchange of ccxt.pro can do for the bot, as found by running its class."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated

import typer

from storage.lazy import lazily
from storage.terminal import output
from storage.terminal.table import Column, table

with lazily():
    from bot.feed.conformance import Conformance, probe_all, stored_table

app = typer.Typer(add_completion=False)


@app.command("list")
def list_(
    names: Annotated[str | None, typer.Option("--exchange", help="Only these, comma separated.")] = None,
    probe: Annotated[
        bool, typer.Option("--probe", help="Run the classes now, which takes minutes, not the table.")
    ] = False,
) -> None:
    """List every ccxt.pro exchange that watches candles, and what each of them lacks.

    Example: sigma exchange list --exchange kraken,upbit
    """
    chosen = [name.strip() for name in (names or "").split(",") if name.strip()]
    found = asyncio.run(probe_all(chosen)) if probe else stored_table()
    shown = [one for one in found if not chosen or one.exchange in chosen]
    output.emit({"exchanges": [asdict(one) for one in shown]}, lambda: "\n".join(_lines(shown)))


def _lines(found: list[Conformance]) -> list[str]:
    columns = (
        Column(name="exchange", text=lambda one: one.exchange),
        Column(name="market", text=lambda one: one.market),
        Column(name="usable", text=lambda one: "yes" if one.usable else "no"),
        Column(name="closed by", text=lambda one: one.closed),
        Column(name="time", text=lambda one: one.time),
        Column(name="lacks", text=lambda one: "; ".join(one.missing) or "nothing", is_prose=True),
    )
    count = len({one.exchange for one in found if one.usable})
    usable = f"{count} of {len({one.exchange for one in found})} exchanges are usable"
    return [*table(columns, found, width=output.width()).splitlines(), "", usable]
