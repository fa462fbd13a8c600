"""Old minutes of the tape from the database into parquet, a UTC day a file, once a day.

Copy, then delete: the file is written, synced and renamed; then one transaction names it and deletes its rows. Killed
in between, the file is an orphan that nobody reads and the next run replaces. Nothing is ever in neither place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Engine, select

from storage.ledger.accounts import Account, first_minute
from storage.ledger.archive import Archive, archive_folder, write_day
from storage.ledger.database import reading, writing
from storage.ledger.tables import archive, tape
from strategies.market import DAY_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Compacted:
    """What a run moved."""

    days: int
    minutes: int


def compact(engine: Engine, of: Account, state_folder: Path, *, before_ms: int) -> Compacted:
    """Move every whole UTC day that ended by `before_ms` into its file; running it again changes nothing.

    Args:
        engine: of the ledger.
        of: whose tape.
        state_folder: where the files go when the database is a server.
        before_ms: minutes from here on stay in the database.

    Raises:
        StorageFailed: a file or the database could not be written; what was moved before stays moved.
    """
    folder = archive_folder(engine, state_folder) / f"{of.exchange}-{of.name}-{of.id}"
    days = minutes = 0
    while (rows := _oldest_day(engine, of, before_ms)) is not None:
        name = f"{datetime.fromtimestamp(rows[0]['minute_ms'] / 1000, UTC):%Y-%m-%d}.parquet"
        _forget_rows(engine, of, write_day(engine, folder / name, rows))
        days, minutes = days + 1, minutes + len(rows)
    return Compacted(days=days, minutes=minutes)


def _oldest_day(engine: Engine, of: Account, before_ms: int) -> list[Mapping[str, Any]] | None:
    """Return the rows of the oldest day in the database, or None when it may not be moved yet."""
    with reading(engine) as connection:
        first_ms = first_minute(connection, of.id)
        if first_ms is None:
            return None
        end_ms = first_ms // DAY_MS * DAY_MS + DAY_MS
        if end_ms > before_ms:
            return None
        query = select(tape).where(tape.c.account_id == of.id, tape.c.minute_ms < end_ms).order_by(tape.c.minute_ms)
        return cast(list[Mapping[str, Any]], connection.execute(query).mappings().all())


def _forget_rows(engine: Engine, of: Account, day: Archive) -> None:
    """Name the file in the database and delete the rows it holds: both, or neither."""
    held = tape.c.minute_ms.between(day.first_ms, day.last_ms)
    with writing(engine) as connection:
        row = {name: getattr(day, name) for name in Archive.__slots__}
        connection.execute(archive.insert().values(account_id=of.id, **row))
        connection.execute(tape.delete().where(tape.c.account_id == of.id, held))
