"""Compaction: old minutes of the tape from the database into parquet, a UTC day a file, once a day.

Copy, then delete: the file is written, synced and renamed; then one transaction names it and deletes its rows. Killed
in between, the file is an orphan that nobody reads and the next run writes again. Nothing is ever in neither place.

What is moved is cut at the minute that the ledger has reached, whatever any clock says: a day that is still being
written is not over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Engine, select

from storage.ledger.accounts import Account, first_minute
from storage.ledger.archive import Archive, archive_folder, archives_of, fault_of, find_content, write_day
from storage.ledger.database import reading, writing
from storage.ledger.tables import archive, state, tape
from strategies.market import DAY_MS, MINUTE_MS


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
        before_ms: minutes from here on stay in the database, and so does every day that the ledger has not finished.

    Raises:
        StorageFailed: a file or the database could not be written; what was moved before stays moved.
    """
    folder = archive_folder(engine, state_folder) / f"{of.exchange}-{of.name}-{of.id}"
    days = minutes = 0
    before_ms = min(before_ms, _reached_ms(engine, of) + MINUTE_MS)
    while (rows := _oldest_day(engine, of, before_ms)) is not None:
        _forget_rows(engine, of, write_day(engine, folder, rows))
        days, minutes = days + 1, minutes + len(rows)
    return Compacted(days=days, minutes=minutes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Archived minutes whose file is gone or torn."""

    first_ms: int
    last_ms: int
    minutes: int
    reason: str


def mend(engine: Engine, of: Account) -> list[Lost]:
    """Look at every archived day's file, point at its content where that lies under another name, return what is lost.

    Raises:
        StorageFailed: the database cannot be read or written.
    """
    lost = []
    with reading(engine) as connection:
        days = archives_of(connection, of.id)
    for day in days:
        reason = fault_of(engine, day)
        if reason and not _point_at_content(engine, of, day):
            lost.append(Lost(first_ms=day.first_ms, last_ms=day.last_ms, minutes=day.minutes, reason=reason))
    return lost


def _point_at_content(engine: Engine, of: Account, day: Archive) -> bool:
    path = find_content(engine, day)
    if path is None:
        return False
    mine = (archive.c.account_id == of.id, archive.c.first_ms == day.first_ms)
    with writing(engine) as connection:
        connection.execute(archive.update().where(*mine).values(path=path))
    return True


def _reached_ms(engine: Engine, of: Account) -> int:
    """Return the last minute that the ledger holds."""
    with reading(engine) as connection:
        return int(connection.execute(select(state.c.minute_ms).where(state.c.account_id == of.id)).scalar_one())


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
