"""`sigma data notes`: what is to be said of single candles of the account."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import typer

from storage.config.effective import load
from storage.terminal.output import emit
from strategies.market import typed_symbol
from strategies.values import iso_ms


def notes(
    symbol: str = typer.Option("", help="Only this market."),
    kind: str = typer.Option("", help="Only revision, repaired, excluded, given_up, rebuilt or differs."),
    since: str = typer.Option("", help="ISO day or time, UTC."),
) -> None:
    """Show candles that were revised, repaired, left out, given up, rebuilt, or that differ from the exchange's.

    Example: sigma data notes --kind excluded --since 2026-11-01
    """
    from storage.ledger import accounts, candle_notes
    from storage.open import whole_database_of

    config = load()
    database = whole_database_of(config)
    try:
        account = accounts.find(database, config.exchange.name, config.account.name)
        found = (
            [] if account is None else candle_notes.read(database, account, (iso_ms(since, "--since") if since else 0))
        )
    finally:
        database.dispose()
    chosen = [
        note
        for note in found
        if (not symbol or note["symbol"] == typed_symbol(symbol)) and (not kind or note["kind"] == kind)
    ]
    emit({"notes": chosen}, lambda: "\n".join(map(_line, chosen)) or "nothing is to be said of any candle")


def _line(note: dict[str, Any]) -> str:
    opened = f"{datetime.fromtimestamp(note['open_ms'] / 1000, UTC):%Y-%m-%d %H:%M}"
    return f"{opened}  {note['symbol']:<14} {note['kind']:<9} {note['text']}"
