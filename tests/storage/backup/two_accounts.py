"""An installation of two accounts in one database, and what each of them holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Engine as Database
from sqlalchemy import Table, select

from storage.ledger import accounts
from storage.ledger.accounts import Account
from storage.ledger.compaction import compact
from storage.ledger.database import reading
from storage.ledger.journal import Alert, Journal
from storage.ledger.outbox import Outbox
from storage.ledger.tables import account as account_table
from storage.ledger.tables import delivery, metadata, outbox
from storage.ledger.verify import verify
from strategies.market import DAY_MS
from tests.bot.trading.world import MARKETS, body_bundle, new_engine, trade
from tests.builders import START_MS
from tests.storage.backup.installations import MINUTES, Installation, filled

SECOND = ("builtin", "second")


def both(folder: Path, database: Database | None = None, *, count: int = len(MINUTES)) -> Installation:
    """Return an installation whose second account has traded `count` minutes, and has alerts that are owed."""
    made = filled(folder, database, count=200)
    open_second(made)
    go_on(made, count)
    return made


def open_second(made: Installation) -> None:
    """Open the second account."""
    engine = new_engine()
    beginning = accounts.Beginning(
        exchange=SECOND[0],
        name=SECOND[1],
        markets=engine.markets,
        settings=engine.settings,
        candles=engine.copy_candles(),
        state=engine.state,
        start_ms=START_MS,
        bundle_id=engine.bundle.id,
    )
    account = accounts.open_account(made.database, beginning, created_ms=0)
    Outbox(made.database, account.id).open_channel("file")


def go_on(made: Installation, count: int) -> None:
    """Let the second account trade `count` minutes, with an alert each hundred, half of them delivered."""
    account, engine = second(made), new_engine()
    journal = Journal(made.database, account, MARKETS, engine.settings)
    trade(engine, journal, MINUTES[:count])
    compact(made.database, account, made.places.state, before_ms=START_MS + DAY_MS)
    box = Outbox(made.database, account.id)
    for number in range(6):
        box.note(Alert(key=f"a-{number}", ms=number, event="feed", payload="{}"))
    sent = [owed.id for owed in box.pending("file", 3)]
    box.begin_attempt("file", sent, 4)
    box.settle("file", sent, 5)


def second(made: Installation) -> Account:
    found = accounts.find(made.database, *SECOND)
    assert found is not None
    return found


def differences(made: Installation) -> list[str]:
    """Return what a replay of the second account's tape finds."""
    found = verify(made.database, second(made), lambda _: body_bundle())
    assert found.minutes > 0
    return found.differences


def rows(made: Installation, name: str) -> dict[str, list[dict[str, Any]]]:
    """Return every row of an account by table, without the numbers that a database gives."""
    found: dict[str, list[dict[str, Any]]] = {}
    with reading(made.database) as connection:
        own = connection.execute(select(account_table.c.id).where(account_table.c.name == name)).scalar_one()
        for table in metadata.sorted_tables:
            if "account_id" in table.columns:
                query = select(table).where(table.c.account_id == own).order_by(*table.primary_key.columns)
                found[table.name] = [_bare(table, dict(row)) for row in connection.execute(query).mappings()]
        told = select(outbox.c.key, delivery.c.channel, delivery.c.delivered_ms).join_from(delivery, outbox)
        query = told.where(outbox.c.account_id == own).order_by(outbox.c.key)
        found["delivery"] = [dict(row) for row in connection.execute(query).mappings()]
    return found


def _bare(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    numbers = {"account_id", "after_id"} | ({"id"} if table.name == "outbox" else set())
    return {name: value for name, value in row.items() if name not in numbers}
