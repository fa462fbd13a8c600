"""Writing a backup beside a running daemon.

The database is read as it is at one moment; whatever else goes in is immutable (bundles, archived days) or is replaced
in one rename (pointer, market clock) and is read after that moment, so it is never older than the ledger.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from sqlalchemy import Connection, Engine, Table, func, select

from storage.backup.container import Packing, packed
from storage.backup.last_backup import note_backup
from storage.backup.manifest import CONFIG, FORMAT, TABLES, BackedUpAccount, Manifest, is_member
from storage.backup.places import CANDLES, UNITS, Places
from storage.backup.rows import count_rows, dump, one_moment, tables_of
from storage.backup.scope import Scope
from storage.durable import folder_lock
from storage.ledger.archive import Archive, fault_of, path_of
from storage.ledger.database import revision_of
from strategies.errors import StorageFailed

STAGING: Final = ".backup-"
OF_FILES: Final = ("models/production", *(unit for unit in UNITS if unit not in ("tape", "models/production")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What goes into a backup.

    Attributes:
        with_candles: take the candle store along.
        account: (exchange, name) of the only one whose rows and days are taken; what all share goes along. None: all.
    """

    with_candles: bool = False
    account: tuple[str, str] | None = None


def write_backup(
    engine: Engine,
    places: Places,
    target: Path,
    contents: Contents = Contents(),
    *,
    created_ms: int,
    version: str,
    passphrase: str = "",
    done: Callable[[str, int, int], None] = lambda _what, _done, _total: None,
) -> Manifest:
    """Write everything that cannot be fetched again to one file and return what is in it.

    Args:
        engine: of the ledger; only read.
        places: of this installation.
        target: the file; replaced when it exists, in one rename.
        contents: what goes in.
        created_ms: now.
        version: of this program.
        passphrase: encrypts the file; empty: whoever has the file can read it.
        done: told what is being written, how much is done, and of how much.

    Raises:
        StorageFailed: something could not be read or written; no file was made.
    """
    account, with_candles = contents.account, contents.with_candles
    with _staging(target.parent) as folder, packed(target, folder, passphrase, read_back=True) as packing:
        with one_moment(engine) as connection:
            tables = tables_of(connection)
            scope = Scope.of(connection, account)
            counts = count_rows(connection, tables, scope)
            _add_tables(packing, connection, tables, folder, scope, counts, done)
            lost = _add_tape(packing, connection, tables, scope)
            accounts = tuple(part for part in _accounts(connection, tables) if account in (None, _name_of(part)))
            revision = revision_of(connection) or ""
        lost += _add_files(packing, places, done, with_candles=with_candles)
        manifest = Manifest(
            format=FORMAT,
            created_ms=created_ms,
            version=version,
            dialect=engine.dialect.name,
            revision=revision,
            accounts=accounts,
            tables=counts,
            has_candles=with_candles,
            members=tuple(packing.members),
            lost=tuple(lost),
        )
        packing.close(manifest)
    if account is None:
        note_backup(places.state)
    return manifest


@contextmanager
def _staging(beside: Path) -> Iterator[Path]:
    """Yield a folder to work in, and remove those that killed backups left: nobody holds their lock.

    Raises:
        StorageFailed: there can be none.
    """
    for left in beside.glob(f"{STAGING}*"):
        with suppress(StorageFailed), folder_lock(left, patience_s=0):
            shutil.rmtree(left, ignore_errors=True)
    try:
        made = tempfile.TemporaryDirectory(dir=beside, prefix=STAGING, ignore_cleanup_errors=True)
    except OSError as error:
        raise StorageFailed(f"{beside} cannot be written: {error.strerror}; a backup is put together there") from error
    with made as name, folder_lock(Path(name)):
        yield Path(name)


def _add_tables(
    packing: Packing,
    connection: Connection,
    tables: list[Table],
    folder: Path,
    scope: Scope,
    counts: dict[str, int],
    done: Callable[[str, int, int], None],
) -> None:
    written, total = 0, sum(counts.values())
    for table in tables:
        path = folder / f"{table.name}.parquet"
        change = _relative if table.name == "archive" else None
        written += dump(connection, table, path, scope, change)
        packing.add(f"{TABLES}/{table.name}.parquet", path)
        path.unlink()
        done("rows", written, total)


def _relative(row: dict[str, Any]) -> dict[str, Any]:
    """Return an archived day's row with its path as the member's name."""
    return row | {"path": _tape_member(row["path"])}


def _tape_member(path: str) -> str:
    folder, name = PurePosixPath(path).parts[-2:]
    return f"tape/{folder}/{name}"


def _add_tape(packing: Packing, connection: Connection, tables: list[Table], scope: Scope) -> list[str]:
    """Add the archived days that the ledger names; return in words those that are gone or torn.

    A day that cannot be read must not keep all that can be from being backed up.
    """
    archive = next((table for table in tables if table.name == "archive"), None)
    if archive is None:
        return []
    lost: list[str] = []
    own = scope.rows_of(archive).with_only_columns(*(archive.c[name] for name in Archive.__slots__))
    query = own.order_by(archive.c.account_id, archive.c.first_ms)
    for row in connection.execute(query).mappings():
        day = Archive(**row)
        fault = fault_of(connection.engine, day)
        name = _tape_member(day.path)
        if fault:
            lost.append(fault)
        elif all(member.name != name for member in packing.members):
            packing.add(name, path_of(connection.engine, day))
    return lost


def _accounts(connection: Connection, tables: list[Table]) -> tuple[BackedUpAccount, ...]:
    account, state = (next(table for table in tables if table.name == name) for name in ("account", "state"))
    query = (
        select(account.c.exchange, account.c.name, func.max(state.c.minute_ms).label("last_ms"))
        .select_from(account.outerjoin(state, account.c.id == state.c.account_id))
        .group_by(account.c.exchange, account.c.name)
        .order_by(account.c.exchange, account.c.name)
    )
    return tuple(
        BackedUpAccount(exchange=row.exchange, name=row.name, last_minute_ms=row.last_ms)
        for row in connection.execute(query)
    )


def _name_of(part: BackedUpAccount) -> tuple[str, str]:
    return part.exchange, part.name


def _add_files(
    packing: Packing, places: Places, done: Callable[[str, int, int], None], *, with_candles: bool
) -> list[str]:
    """Add what is no table; return in words what cannot be had: it must not keep the rest from being backed up."""
    lost: list[str] = []

    def cannot_read(error: OSError) -> None:
        lost.append(f"{error.filename} cannot be read: {error.strerror}")

    total = sum(1 for _ in _files(places, with_candles=with_candles))
    for number, (name, path) in enumerate(_files(places, cannot_read, with_candles=with_candles), start=1):
        if not is_member(name):
            lost.append(f"{path} is not in it: {name!r} is not a plain relative name")
        elif (fault := _fault(path)) is not None:
            cannot_read(fault)
        else:
            packing.add(name, path)
        done("files", number, max(number, total))
    return lost


def _files(
    places: Places, on_error: Callable[[OSError], None] = lambda _error: None, *, with_candles: bool
) -> Iterator[tuple[str, Path]]:
    """Yield member names and paths; the pointer before the bundles, so that it never names one that is not inside."""
    for unit in OF_FILES:
        yield from places.files_of(unit, on_error)
    if with_candles:
        yield from places.files_of(CANDLES, on_error)
    if places.config.is_file():
        yield CONFIG, places.config


def _fault(path: Path) -> OSError | None:
    """Return why a file cannot be read; None: it can."""
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        return error
    return None
