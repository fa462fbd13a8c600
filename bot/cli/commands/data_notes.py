"""`sigma data notes`: what is to be said of single candles of the account."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from storage.config.effective import load
from storage.lazy import lazily
from storage.terminal.options import OneSymbol, Since
from storage.terminal.output import emit
from storage.terminal.times import minute_of

with lazily():
    from storage.ledger import accounts, candle_notes
    from storage.open import whole_database_of
    from strategies.market import typed_symbol

NoteKind = Annotated[
    str | None, typer.Option("--kind", help="Only revision, repaired, excluded, given_up, rebuilt or differs.")
]


def notes(symbol: OneSymbol = None, kind: NoteKind = None, since_ms: Since = None) -> None:
    """Show candles that were revised, repaired, left out, given up, rebuilt, or that differ from the exchange's.

    Example: sigma data notes --kind excluded --since 2026-11-01
    """
    config = load()
    database = whole_database_of(config)
    try:
        account = accounts.find(database, config.exchange.name, config.account.name)
        found = [] if account is None else candle_notes.read(database, account, since_ms or 0)
    finally:
        database.dispose()
    chosen = [
        note
        for note in found
        if (symbol is None or note["symbol"] == typed_symbol(symbol)) and kind in (None, note["kind"])
    ]
    emit({"notes": chosen}, lambda: "\n".join(map(_line, chosen)) or "nothing is to be said of any candle")


def _line(note: dict[str, Any]) -> str:
    return f"{minute_of(note['open_ms'])}  {note['symbol']:<14} {note['kind']:<9} {note['text']}"
