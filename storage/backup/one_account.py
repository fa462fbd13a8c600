"""Putting one account of a backup back into a database whose others go on.

What it had goes into a backup of its own first. Its files are named by their content and only added; then one
transaction takes its rows out and puts those of the backup in. Whatever happens before its commit changes nothing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as metadata_version
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, Table, delete, func, insert, select

from storage.backup.container import Unpacking, unpacked
from storage.backup.manifest import TABLES, Manifest, Member
from storage.backup.places import Places
from storage.backup.restore import Done, Restored, RestoreOptions, require_known, room
from storage.backup.rows import fill
from storage.backup.scope import Scope
from storage.backup.switch import STAGING, finish_restore
from storage.backup.write import Contents, write_backup
from storage.durable import replace_files
from storage.ledger.archive import Archive, archives_of, stored_path
from storage.ledger.database import connect, known_revisions, reading, revision_of, writing
from storage.ledger.lease import account_lease
from storage.ledger.postgres import unhurried
from storage.ledger.tables import metadata
from strategies.errors import BadInput

SHARED: Final = frozenset({"document", "lease"})
PAGE_ROWS: Final = 2_000
BUNDLES: Final = "models/bundles/"


def restore_account(
    engine: Engine,
    places: Places,
    source: Path,
    account: tuple[str, str],
    options: RestoreOptions,
) -> Restored:
    """Put one account of a backup in place; every other account stays as it is.

    Args:
        engine: the database, with or without the account.
        places: of this installation.
        source: a file of `write_backup`, of all accounts or of this one.
        account: (exchange, name).
        options: whether the account is replaced where it is here, after what it was has been written to a backup in
            the state folder, and the rest.

    Raises:
        BadInput: the backup does not hold the account, or it is here and `force` is not set.
        StorageFailed: the file is damaged, or something cannot be written.
        AlreadyRunning: a daemon trades the account.
    """
    exchange, name = account
    with unpacked(source, options.passphrase, room(places)) as backup, ExitStack() as held:
        manifest = _of_account(backup.manifest, source, account)
        _require_ledger(engine)
        backup.check(lambda read: options.done("checking", read, backup.manifest.size))
        held.enter_context(account_lease(engine, exchange, name, places.state))
        finish_restore(places.state, engine)
        aside = _aside(engine, places, account, options)
        folder = held.enter_context(tempfile.TemporaryDirectory(dir=places.state, prefix=STAGING))
        staged = _staged(backup, Path(folder), options.done)
        held.callback(staged.dispose)
        _add_bundles(backup, places, Path(folder), options.done)
        with reading(staged) as inside, writing(engine) as connection, unhurried(connection):
            days = _add_days(backup, inside, engine, places, account)
            _replace(inside, connection, account, days)
        return Restored(manifest=manifest, aside=aside, config=None)


def _of_account(manifest: Manifest, source: Path, account: tuple[str, str]) -> Manifest:
    """Return what a backup says, of one account alone."""
    require_known(manifest, source)
    own = tuple(part for part in manifest.accounts if (part.exchange, part.name) == account)
    if not own:
        there = ", ".join(f"{part.name} on {part.exchange}" for part in manifest.accounts) or "none"
        raise BadInput(f"{source} does not hold account {account[1]!r} on {account[0]}; it holds {there}")
    return manifest.model_copy(update={"accounts": own})


def _require_ledger(engine: Engine) -> None:
    """Refuse a database whose schema is not this program's."""
    with reading(engine) as connection:
        found, newest = revision_of(connection), known_revisions()[0]
    if found is None:
        raise BadInput("the database holds no ledger yet; `sigma restore` without --account fills it")
    if found != newest:
        raise BadInput(f"the database has schema {found}, {newest} is needed; `sigma run` brings it there")


def _aside(engine: Engine, places: Places, account: tuple[str, str], options: RestoreOptions) -> tuple[str, ...]:
    """Write what the account was to a file, and return its name; nothing where the account is not here."""
    exchange, name = account
    with reading(engine) as connection:
        try:
            Scope.of(connection, account)
        except BadInput:
            return ()
    if not options.force:
        raise BadInput(f"account {name!r} on {exchange} is here already; --force replaces it, and keeps what it was")
    target = places.state / f"before-restore-{name}-{options.now_ms}.backup"
    write_backup(
        engine,
        places,
        target,
        Contents(account=account),
        created_ms=options.now_ms,
        version=_version(),
        passphrase=options.passphrase,
    )
    return (str(target),)


def _version() -> str:
    try:
        return metadata_version("sigma-analyst")
    except PackageNotFoundError:
        return "unknown"


def _staged(backup: Unpacking, folder: Path, done: Done) -> Engine:
    """Return a SQLite file of the newest schema with everything that the backup's tables hold."""
    members = {member.name: member for member in backup.manifest.members}
    total = sum(backup.manifest.tables.values())

    def file_of(table: str) -> Path | None:
        member = members.get(f"{TABLES}/{table}.parquet")
        if member is None:
            return None
        backup.extract(member, folder / member.name)
        return folder / member.name

    fresh = connect(f"sqlite:///{folder / 'staged.db'}")
    with writing(fresh) as connection:
        revision = backup.manifest.revision
        fill(connection, revision, file_of, lambda _table, row: row, lambda rows: done("rows", rows, total))
    return fresh


def _add_bundles(backup: Unpacking, places: Places, folder: Path, done: Done) -> None:
    """Add the bundles that are not here; one that is named by its content is never replaced."""
    members = [member for member in backup.manifest.members if member.name.startswith(BUNDLES)]
    missing = {
        name: members_of for name, members_of in _by_bundle(members).items() if not places.of_member(name).exists()
    }
    for number, (name, members_of) in enumerate(missing.items(), start=1):
        for member in members_of:
            backup.extract(member, folder / member.name)
        target = places.of_member(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        (folder / name).rename(target)
        done("files", number, len(missing))


def _by_bundle(members: list[Member]) -> dict[str, list[Member]]:
    found: dict[str, list[Member]] = {}
    for member in members:
        found.setdefault("/".join(member.name.split("/")[:3]), []).append(member)
    return found


def _add_days(
    backup: Unpacking, inside: Connection, engine: Engine, places: Places, account: tuple[str, str]
) -> Mapping[str, str]:
    """Add the account's archived days; return their paths here by their paths in the backup."""
    members = {member.name: member for member in backup.manifest.members}
    account_id = Scope.of(inside, account).account_id
    assert account_id is not None
    found: dict[str, str] = {}
    for day in archives_of(inside, account_id):
        target = places.of_member(day.path)
        found[day.path] = stored_path(engine, target)
        if day.path in members and not _is_there(target, day):
            target.parent.mkdir(parents=True, exist_ok=True)
            content = backup.read(members[day.path])
            replace_files([(target, _writing(content))])
    return found


def _is_there(path: Path, day: Archive) -> bool:
    return path.is_file() and path.name.endswith(f"{day.sha256[:16]}.parquet")


def _writing(content: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(content)

    return write


def _replace(inside: Connection, connection: Connection, account: tuple[str, str], days: Mapping[str, str]) -> None:
    """Take an account's rows out, and put those of a staged backup in, under numbers that are free here."""
    theirs, tables = Scope.of(inside, account), metadata.sorted_tables
    account_id = _begun(inside, connection, account, theirs)
    numbers: dict[int, int] = {}
    for table in tables:
        if table.name in {"account", "lease"}:
            continue
        result = inside.execution_options(yield_per=PAGE_ROWS).execute(
            theirs.rows_of(table).order_by(*table.primary_key.columns)
        )
        for page in result.mappings().partitions():
            rows = [_row_here(table, dict(row), account_id, numbers, days) for row in page]
            if table.name == "document":
                rows = _unknown(connection, table, rows)
            elif table.name == "outbox":
                numbers |= _numbered(connection, table, rows, [row["id"] for row in page])
                continue
            if rows:
                connection.execute(insert(table), rows)
    _settle_channels(connection, account_id, inside, theirs, numbers)


def _begun(inside: Connection, connection: Connection, account: tuple[str, str], theirs: Scope) -> int:
    """Make room for an account, and return its number here: the one it had, if it was here."""
    accounts = metadata.tables["account"]
    row = dict(inside.execute(theirs.rows_of(accounts)).mappings().one())
    del row["id"]
    try:
        ours = Scope.of(connection, account)
    except BadInput:
        made = connection.execute(insert(accounts).values(row)).inserted_primary_key
        assert made is not None
        return int(made[0])
    assert ours.account_id is not None
    for table in reversed(metadata.sorted_tables):
        if table.name == "account" or table.name in SHARED:
            continue
        own = ours.rows_of(table).whereclause
        assert own is not None
        connection.execute(delete(table).where(own))
    connection.execute(accounts.update().where(accounts.c.id == ours.account_id).values(row))
    return ours.account_id


def _row_here(
    table: Table, row: dict[str, Any], account_id: int, numbers: Mapping[int, int], days: Mapping[str, str]
) -> dict[str, Any]:
    if "account_id" in row:
        row["account_id"] = account_id
    match table.name:
        case "outbox":
            del row["id"]
        case "delivery":
            row["outbox_id"] = numbers[row["outbox_id"]]
        case "archive":
            row["path"] = days[row["path"]]
    return row


def _unknown(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    ids = [row["id"] for row in rows]
    known = set(connection.execute(select(table.c.id).where(table.c.id.in_(ids))).scalars())
    return [row for row in rows if row["id"] not in known]


def _numbered(connection: Connection, table: Table, rows: list[dict[str, Any]], theirs: list[int]) -> dict[int, int]:
    """Insert rows that the database numbers; return their numbers here by those in the backup."""
    made = connection.execute(insert(table).returning(table.c.id, sort_by_parameter_order=True), rows).scalars().all()
    return dict(zip(theirs, made, strict=True))


def _settle_channels(
    connection: Connection, account_id: int, inside: Connection, theirs: Scope, numbers: Mapping[int, int]
) -> None:
    """Let every channel go on behind the alert that it had come to."""
    channel, outbox = metadata.tables["channel"], metadata.tables["outbox"]
    newest = connection.execute(select(func.coalesce(func.max(outbox.c.id), 0))).scalar_one()
    for row in inside.execute(theirs.rows_of(channel)).mappings():
        settled = [here for there, here in numbers.items() if there <= row["after_id"]]
        owed = [here for there, here in numbers.items() if there > row["after_id"]]
        after_id = max(settled, default=min(owed) - 1 if owed else int(newest))
        own = (channel.c.account_id == account_id, channel.c.name == row["name"])
        connection.execute(channel.update().where(*own).values(after_id=after_id))
