"""Candle notes: revisions, repairs, exclusions, minutes given up of single stored candles. One row a day.

The tape holds what counted; these notes say what else the exchange has shown, and survive a restart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Engine, select

from storage.ledger.accounts import Account
from storage.ledger.database import reading, writing
from storage.ledger.tables import monitor
from strategies.market import DAY_MS

KIND: Final = "candle_notes"
MOST_A_DAY: Final = 5_000  # an exchange that revises everything must not fill the database

Note = dict[str, Any]  # the fields of bot.feed.candle.CandleNote, plain JSON


def add(engine: Engine, of: Account, notes: Sequence[Note]) -> None:
    """Keep notes under the days of their candles; a note that is kept already is not kept twice.

    Raises:
        StorageFailed: nothing was written.
    """
    if not notes:
        return
    with writing(engine) as connection:
        put(connection, of.id, notes)


def put(connection: Connection, account_id: int, notes: Sequence[Note]) -> None:
    """Keep notes inside a transaction that is open; see `add`."""
    by_day: dict[int, list[Note]] = {}
    for note in notes:
        by_day.setdefault(int(note["open_ms"]) // DAY_MS * DAY_MS, []).append(note)
    for day_ms, fresh in by_day.items():
        same = (monitor.c.account_id == account_id, monitor.c.kind == KIND, monitor.c.ms == day_ms)
        stored = connection.execute(select(monitor.c.document).where(*same)).scalar_one_or_none()
        kept: list[Note] = [] if stored is None else orjson.loads(stored)["notes"]
        plain = orjson.loads(orjson.dumps(fresh))  # tuples become lists, as they come back
        kept += [note for number, note in enumerate(plain) if note not in kept and note not in plain[:number]]
        left_out = max(0, len(kept) - MOST_A_DAY)
        document = orjson.dumps({"notes": kept[:MOST_A_DAY], "left_out": left_out}).decode()
        sentence = f"{len(kept):,} notes on candles"
        connection.execute(monitor.delete().where(*same))
        row = {"kind": KIND, "ms": day_ms, "passed": False, "sentence": sentence, "document": document}
        connection.execute(monitor.insert().values(account_id=account_id, **row))


def read(engine: Engine, of: Account, since_ms: int = 0, until_ms: int = 2**62) -> list[Note]:
    """Return the notes on candles that opened in [since, until), oldest first."""
    first_day_ms = since_ms // DAY_MS * DAY_MS
    query = select(monitor.c.document).where(
        monitor.c.account_id == of.id, monitor.c.kind == KIND, monitor.c.ms >= first_day_ms, monitor.c.ms < until_ms
    )
    with reading(engine) as connection:
        documents = connection.execute(query.order_by(monitor.c.ms)).scalars().all()
    notes = [note for document in documents for note in orjson.loads(document)["notes"]]
    return sorted((note for note in notes if since_ms <= note["open_ms"] < until_ms), key=lambda note: note["open_ms"])
