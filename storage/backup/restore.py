"""Restoring a backup: check everything, stage everything, then switch in one instant.

What was there goes aside, into folders `before-restore-…` beside it; on a server into a schema of that name.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, inspect, select, text

from storage.backup.configuration import addresses_in, put_config
from storage.backup.container import Unpacking, unpacked
from storage.backup.manifest import CONFIG, TABLES, Manifest, Member
from storage.backup.places import CANDLES, UNITS, Places, unit_of
from storage.backup.rows import VERSIONS, fill, has_tables
from storage.backup.switch import (
    STAGING,
    Move,
    Switch,
    finish_restore,
    mark_committed,
    move_of,
    remove_staging,
    sync_folders,
    write_record,
)
from storage.backup.unfinished import is_unfinished
from storage.ledger.database import connect, known_revisions, reading, writing
from storage.ledger.lease import account_lease
from storage.ledger.postgres import unhurried
from storage.ledger.tables import account, metadata
from strategies.errors import BadInput, StorageFailed

Done = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreOptions:
    """How a backup is put in place.

    Attributes:
        now_ms: names the restore, and what was there before.
        force: move what is here aside; else a place that is not empty is refused.
        passphrase: opens an encrypted backup, and encrypts the one that is made of what was here.
        done: told what is being done, how much is done, and of how much.
    """

    now_ms: int
    force: bool = False
    passphrase: str = ""
    done: Done = lambda _what, _done, _total: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a restore did.

    Attributes:
        aside: where what was there before lies now.
        config: where the backup's configuration was put; None: it had none, or it is the one that holds here.
        addresses: `[section] key = value` of services that the backup's configuration names, where it holds now.
    """

    manifest: Manifest
    aside: tuple[str, ...]
    config: Path | None
    addresses: tuple[str, ...] = ()


def restore(
    engine: Engine,
    places: Places,
    source: Path,
    account: tuple[str, str],
    options: RestoreOptions,
) -> Restored:
    """Put a backup in place of what is here.

    Args:
        engine: the database to restore into.
        places: of this installation.
        source: a file of `write_backup`.
        account: (exchange, name) of the configuration, whose lease is taken too.
        options: whether what is here goes aside, and the rest.

    Raises:
        BadInput: the file is no backup, belongs to a newer program, or something is here and may not go aside.
        StorageFailed: the file is damaged, or something cannot be written.
        AlreadyRunning: a daemon trades one of the accounts.
    """
    with unpacked(source, options.passphrase, room(places)) as backup, ExitStack() as held:
        require_known(backup.manifest, source)
        backup.check(lambda read: options.done("checking", read, backup.manifest.size))
        accounts = {account, *((part.exchange, part.name) for part in backup.manifest.accounts)}
        _lease(held, engine, places, sorted(accounts))
        finished = finish_restore(places.state, engine)
        if finished is not None and finished.seal == backup.seal:
            return _restored(backup, places, finished, engine)
        here = _accounts_here(engine)
        _lease(held, engine, places, sorted(set(here or ()) - accounts))
        _require_empty(here, places, force=options.force)
        switch = _switch(backup, places, options.now_ms)
        remove_staging([move.target.parent for move in switch.moves])
        try:
            _stage(backup, switch, places, options.done)
            if switch.is_server:
                _restore_on_server(engine, backup, switch, places, options.done)
            else:
                _build_file(backup, switch, places, options.done)
                write_record(switch, places.state)
        except BaseException:
            if not is_unfinished(places.state):  # else whoever comes next finishes or undoes it
                switch.clean()
            raise
        finish_restore(places.state, engine)
        return _restored(backup, places, switch, engine)


def require_known(manifest: Manifest, source: Path) -> None:
    """Refuse a backup of a newer schema.

    Raises:
        BadInput: it is one.
    """
    known = known_revisions()
    if manifest.revision not in known:
        raise BadInput(
            f"{source} was made by sigma {manifest.version} with schema {manifest.revision}; "
            f"this program knows schemas up to {known[0]}; update it"
        )


def _lease(held: ExitStack, engine: Engine, places: Places, accounts: Sequence[tuple[str, str]]) -> None:
    for exchange, name in accounts:
        held.enter_context(account_lease(engine, exchange, name, places.state))


def _accounts_here(engine: Engine) -> list[tuple[str, str]] | None:
    """Return the accounts of the database; None where a file is there that cannot be read."""
    if engine.dialect.name == "sqlite" and not Path(engine.url.database or "").exists():
        return []
    try:
        with reading(engine) as connection:
            if not has_tables(connection):
                return []
            return [(row.exchange, row.name) for row in connection.execute(select(account.c.exchange, account.c.name))]
    except StorageFailed:
        if engine.dialect.name != "sqlite":
            raise
        return None
    finally:
        engine.dispose()


def _require_empty(here: list[tuple[str, str]] | None, places: Places, *, force: bool) -> None:
    if force:
        return
    if here is None:
        raise BadInput(f"{places.database} is there and cannot be read; --force moves it aside")
    if here:
        names = ", ".join(f"{name} on {exchange}" for exchange, name in here)
        raise BadInput(f"the database holds a ledger already (account {names}); --force moves everything aside")
    for unit in UNITS:
        found = next(places.files_of(unit), None)
        if found is not None:
            raise BadInput(f"{found[1]} is there already; --force moves everything aside")


def _switch(backup: Unpacking, places: Places, now_ms: int) -> Switch:
    moment = datetime.fromtimestamp(now_ms / 1000, UTC)
    restore_id = f"{moment:%Y%m%dT%H%M%S}{now_ms % 1000:03d}"
    inside = {unit_of(member.name) for member in _files(backup)}
    units = [*UNITS, *sorted(unit for unit in inside if unit.startswith(f"{CANDLES}/"))]
    moves = [move_of(places.of_member(unit), restore_id, is_staged=unit in inside) for unit in units]
    return Switch(
        id=restore_id,
        seal=backup.seal,
        is_server=places.database is None,
        moves=(*_moves_of_database(places, restore_id), *moves),
    )


def _moves_of_database(places: Places, restore_id: str) -> list[Move]:
    """Return the renames of a SQLite file: its journals first, they belong to the old one."""
    if places.database is None:
        return []
    journals = [places.database.with_name(places.database.name + suffix) for suffix in ("-wal", "-shm")]
    return [
        *(move_of(path, restore_id, is_staged=False) for path in journals),
        move_of(places.database, restore_id, is_staged=True),
    ]


def _files(backup: Unpacking) -> list[Member]:
    """Return the members that become files: all but tables and configuration."""
    outside = (f"{TABLES}/", CONFIG)
    return [member for member in backup.manifest.members if not member.name.startswith(outside)]


def _stage(backup: Unpacking, switch: Switch, places: Places, done: Done) -> None:
    staged = {move.target: move.staged for move in switch.moves if move.staged is not None}
    for folder in {path.parent for path in staged.values()}:
        folder.mkdir(parents=True)
    members = _files(backup)
    for number, member in enumerate(members, start=1):
        unit = unit_of(member.name)
        target = places.of_member(unit)
        inside = member.name.removeprefix(unit).lstrip("/")
        backup.extract(member, staged[target] / inside if inside else staged[target])
        done("files", number, len(members))
    sync_folders([path.parent for path in staged.values()])


def _build_file(backup: Unpacking, switch: Switch, places: Places, done: Done) -> None:
    """Make the new SQLite file beside the old one."""
    staged = next(move.staged for move in switch.moves if move.target == places.database and move.staged is not None)
    fresh = connect(f"sqlite:///{staged}", synchronous="FULL")
    try:
        with writing(fresh) as connection:
            _fill(connection, backup, staged.parent, lambda member: member, done)
        with reading(fresh) as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        fresh.dispose()


def _restore_on_server(engine: Engine, backup: Unpacking, switch: Switch, places: Places, done: Done) -> None:
    """Fill the database in one transaction; the record is written before its commit, which decides."""
    with writing(engine) as connection, unhurried(connection):
        _move_tables_aside(connection, switch.id)
        places.state.mkdir(parents=True, exist_ok=True)
        _fill(connection, backup, places.state, lambda member: str(places.of_member(member)), done)
        mark_committed(connection, switch.id)
        write_record(switch, places.state)


def _move_tables_aside(connection: Connection, restore_id: str) -> None:
    ours = {*metadata.tables, VERSIONS}
    names = [name for name in inspect(connection).get_table_names() if name in ours]
    if not names:
        return
    connection.execute(text(f'CREATE SCHEMA "{schema_of(restore_id)}"'))
    for name in names:
        connection.execute(text(f'ALTER TABLE "{name}" SET SCHEMA "{schema_of(restore_id)}"'))


def schema_of(restore_id: str) -> str:
    """Return the schema that holds the tables of before a restore (server only)."""
    return f"before_restore_{restore_id.lower()}"


def _fill(connection: Connection, backup: Unpacking, folder: Path, path_of: Callable[[str], str], done: Done) -> None:
    members = {member.name: member for member in backup.manifest.members}
    total = sum(backup.manifest.tables.values())

    def change(table: str, row: dict[str, Any]) -> dict[str, Any]:
        return row | {"path": path_of(row["path"])} if table == "archive" else row

    with tempfile.TemporaryDirectory(dir=folder, prefix=STAGING) as name:

        def file_of(table: str) -> Path | None:
            member = members.get(f"{TABLES}/{table}.parquet")
            if member is None:
                return None
            backup.extract(member, Path(name) / member.name)
            return Path(name) / member.name

        counts = fill(connection, backup.manifest.revision, file_of, change, lambda rows: done("rows", rows, total))
    wrong = [name for name, rows in backup.manifest.tables.items() if counts.get(name) != rows]
    if wrong:
        found, needed = counts.get(wrong[0]), backup.manifest.tables[wrong[0]]
        raise StorageFailed(f"table {wrong[0]} has {found} rows in the backup, its manifest says {needed}")


def _restored(backup: Unpacking, places: Places, switch: Switch, engine: Engine) -> Restored:
    aside = [str(folder) for folder in switch.asides]
    if switch.is_server:
        with reading(engine) as connection:
            names = inspect(connection).get_schema_names()
        aside += [f"schema {name}" for name in names if name == schema_of(switch.id)]
    put = put_config(backup, places)
    addresses = addresses_in(put.read_bytes()) if put is not None and put == places.config else ()
    return Restored(manifest=backup.manifest, aside=tuple(aside), config=put, addresses=addresses)


def room(places: Places) -> Path | None:
    """Return a folder of this installation that a plain copy may lie in; None: beside the backup."""
    return places.state if places.state.is_dir() else None
