"""`sigma parity`: a day of live trading through the backtester, trade by trade."""

from __future__ import annotations

from typing import Annotated

import typer

from storage.lazy import lazily
from storage.terminal.output import emit
from storage.terminal.times import minute_of
from strategies.errors import BadInput
from strategies.values import iso_ms
from training.runtime.progress import configuration

with lazily():
    from storage.ledger.accounts import last_state
    from storage.models.registry import Registry, bundle_by_id
    from storage.open import read_account
    from strategies import market
    from training.monitors import parity


def command(
    day: Annotated[
        int | None,
        typer.Option("--day", parser=iso_ms, metavar="DAY", help="ISO, UTC; else the last whole day on the tape."),
    ] = None,
) -> None:
    """Replay a day of the tape through the backtester and say whether the same trades come out.

    Example: sigma parity --day 2026-01-31
    """
    config = configuration()
    database, account = read_account(config)
    registry = Registry.of(config)
    last_day = last_state(database, account).minute_ms // market.DAY_MS * market.DAY_MS - market.DAY_MS
    chosen = last_day if day is None else day
    if chosen + market.DAY_MS <= account.start_ms:
        began = minute_of(account.start_ms)
        raise BadInput(f"account {account.name!r} began {began}; a day from then on is needed")
    found = parity.parity(
        database, account, chosen, lambda name: bundle_by_id(registry, account.exchange, name, account.timeframe)
    )
    emit(found.document(), found.sentence)
