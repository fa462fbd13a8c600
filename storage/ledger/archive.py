"""Days of the tape in parquet files: where they lie, how they are written, how they are read back.

A file counts only once the database names it (table `archive`). Its name carries the digest of its content, so that
writing a file can never replace another that the database names. Its path is relative to the folder of a SQLite file,
so that both can be moved together; with PostgreSQL to the store, `[database] tape_folder` or else the state folder, so
that several hosts can read one database where they see the store. Absolute paths of before stay readable.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, Engine, select

from storage.durable import folder_lock, remove_staged, replace_files
from storage.ledger.tables import archive, tape
from strategies.errors import StorageFailed

FOLDER: Final = "tape"
NAME_DIGITS: Final = 16
_TYPES: Final = {
    "account_id": pa.int64(),
    "minute_ms": pa.int64(),
    "bars": pa.binary(),
    "present": pa.binary(),
    "funding": pa.binary(),
    "not_ready": pa.binary(),
    "late_bars": pa.string(),
    "late": pa.bool_(),
    "commands": pa.string(),
    "bundle_id": pa.string(),
    "settings_id": pa.string(),
    "markets_id": pa.string(),
    "recorded_ms": pa.int64(),
}
SCHEMA: Final = pa.schema([pa.field(column.name, _TYPES[column.name]) for column in tape.columns])


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """A day of an account's tape in a file, as the database knows it."""

    first_ms: int
    last_ms: int
    minutes: int
    path: str
    sha256: str


def archive_folder(engine: Engine, state_folder: Path) -> Path:
    """Return where a database's archived days go: beside a SQLite file, else under the state folder."""
    beside = _folder_of(engine)
    return (beside if beside is not None else state_folder.resolve()) / FOLDER


def write_day(engine: Engine, folder: Path, rows: Sequence[Mapping[str, Any]]) -> Archive:
    """Write rows of one UTC day as a file: staged, synced, renamed. The same rows make the same name.

    Raises:
        StorageFailed: the disk is full or the folder cannot be written; nothing was changed.
    """
    columns = {name: [row[name] for row in rows] for name in SCHEMA.names}
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns, schema=SCHEMA), sink, compression="zstd")
    content = sink.getvalue().to_pybytes()
    digest = hashlib.sha256(content).hexdigest()
    day = datetime.fromtimestamp(int(rows[0]["minute_ms"]) / 1000, UTC)
    path = folder / f"{day:%Y-%m-%d}-{digest[:NAME_DIGITS]}.parquet"
    with folder_lock(folder):
        remove_staged(folder)
        replace_files([(path, lambda staged: _write_bytes(staged, content))])
    return Archive(
        first_ms=int(rows[0]["minute_ms"]),
        last_ms=int(rows[-1]["minute_ms"]),
        minutes=len(rows),
        path=stored_path(engine, path),
        sha256=digest,
    )


def next_archive(connection: Connection, account_id: int, after_ms: int, until_ms: int | None) -> Archive | None:
    """Return the oldest archived day that holds a minute in (after, until]."""
    query = select(archive).where(archive.c.account_id == account_id, archive.c.last_ms > after_ms)
    if until_ms is not None:
        query = query.where(archive.c.first_ms <= until_ms)
    row = connection.execute(query.order_by(archive.c.first_ms).limit(1)).mappings().first()
    if row is None:
        return None
    return Archive(**{name: row[name] for name in Archive.__slots__})


def archived_rows(
    connection: Connection, day: Archive, after_ms: int, until_ms: int | None
) -> Iterator[Mapping[str, Any]]:
    """Yield an archived day's rows with after_ms < minute_ms <= until_ms, ascending.

    Raises:
        StorageFailed: the file is missing or is not what was written.
    """
    wrong = fault_of(connection.engine, day)
    if wrong:
        raise StorageFailed(f"{wrong}; restore it")
    for row in pq.read_table(path_of(connection.engine, day)).to_pylist():
        if row["minute_ms"] > after_ms and (until_ms is None or row["minute_ms"] <= until_ms):
            yield row


def path_of(engine: Engine, day: Archive) -> Path:
    """Return where an archived day's file lies."""
    beside = _folder_of(engine)
    if beside is None:
        return Path(day.path)
    path = beside / day.path
    if Path(day.path).is_absolute() and not path.exists():  # written by another host, or before the store moved
        return beside / FOLDER / Path(*path.parts[-2:])
    return path


def fault_of(engine: Engine, day: Archive) -> str:
    """Return what is wrong with an archived day's file, in words; empty: it is what was written."""
    path = path_of(engine, day)
    try:
        if _digest(path) == day.sha256:
            return ""
    except FileNotFoundError:
        return f"tape file {path} is missing, {day.minutes} account minutes are in it"
    except OSError as error:
        return f"tape file {path} cannot be read: {error.strerror}"
    return f"tape file {path} is not what was written (its checksum differs)"


def archives_of(connection: Connection, account_id: int) -> list[Archive]:
    """Return all archived days of an account, oldest first."""
    query = select(archive).where(archive.c.account_id == account_id).order_by(archive.c.first_ms)
    rows = connection.execute(query).mappings()
    return [Archive(**{name: row[name] for name in Archive.__slots__}) for row in rows]


def find_content(engine: Engine, day: Archive) -> str | None:
    """Return the stored path of another file beside an archived day's own whose content is the day's, or None."""
    for path in sorted(path_of(engine, day).parent.glob("*.parquet")):
        with suppress(OSError):  # what cannot be read is not it
            if _digest(path) == day.sha256:
                return stored_path(engine, path)
    return None


def _folder_of(engine: Engine) -> Path | None:
    """Return the folder of a SQLite file, or a server's store; None where neither is known."""
    store: Path | None = engine.get_execution_options().get("tape_store")
    if store is not None:
        return store
    if engine.dialect.name != "sqlite" or not engine.url.database:
        return None
    return Path(engine.url.database).resolve().parent


def stored_path(engine: Engine, path: Path) -> str:
    """Return what the database calls a file: relative to its folder or store where it lies inside."""
    beside = _folder_of(engine)
    inside = beside is not None and path.resolve().is_relative_to(beside)
    return str(path.resolve().relative_to(beside) if beside is not None and inside else path)


def _write_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
