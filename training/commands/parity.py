"""`sigma parity`: a day of live trading through the backtester, trade by trade."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from storage.terminal.output import emit
from strategies.errors import BadInput
from strategies.values import iso_ms
from training.runtime.progress import configuration


def command(
    day: str = typer.Option("", help="UTC day, ISO; empty: the last whole day on the tape."),
) -> None:
    """Replay a day of the tape through the backtester and say whether the same trades come out.

    Example: sigma parity --day 2026-01-31
    """
    from storage.ledger.accounts import last_state
    from storage.models.registry import Registry, bundle_by_id
    from storage.open import read_account
    from strategies.market import DAY_MS
    from training.monitors.parity import parity

    config = configuration()
    database, account = read_account(config)
    registry = Registry.of(config)
    chosen = iso_ms(day) if day else last_state(database, account).minute_ms // DAY_MS * DAY_MS - DAY_MS
    if chosen + DAY_MS <= account.start_ms:
        began = f"{datetime.fromtimestamp(account.start_ms / 1000, UTC):%Y-%m-%d %H:%M}"
        raise BadInput(f"account {account.name!r} began {began}; a day from then on is needed")
    found = parity(
        database, account, chosen, lambda name: bundle_by_id(registry, account.exchange, name, account.timeframe)
    )
    emit(found.document(), found.sentence)
