"""Engines, pragmas and migrations for SQLite and PostgreSQL.

One writer per account; readers never block it (WAL). Foreign errors become `StorageFailed` with what to do about them.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from storage.durable import failure
from storage.lazy import lazily
from storage.ledger.passing import is_passing
from storage.ledger.postgres import ServerLimits, server_engine, unhurried, wait_for_migrations
from strategies.errors import BadInput, StorageAway, StorageFailed

with lazily():  # a reader migrates nothing
    from alembic import command
    from alembic.config import Config as AlembicConfig

BUSY_TIMEOUT_MS: Final = 5_000
MIGRATIONS: Final = Path(__file__).parent / "migrations"


def connect(
    url: str,
    *,
    password: str = "",
    synchronous: str = "NORMAL",
    busy_timeout_ms: int = BUSY_TIMEOUT_MS,
    limits: ServerLimits | None = None,
    must_exist: bool = False,
    tape_store: Path | None = None,
) -> Engine:
    """Return an engine for `url` (`sqlite:///…` or `postgresql+psycopg://…`), creating a SQLite file's folder.

    Args:
        url: without a password; secrets come separately.
        password: PostgreSQL password; empty: none.
        synchronous: SQLite durability. NORMAL survives a killed process; FULL also a power cut, at a sync per minute.
        busy_timeout_ms: how long SQLite waits for another process' lock.
        limits: of time and connections on PostgreSQL.
        tape_store: folder below which a server's archived days lie; None: their addresses are absolute.
        must_exist: never make a SQLite file: a new one in the place of a ledger that is moved would undo its journal.
    """
    address = make_url(url)
    if address.drivername.startswith("sqlite"):
        if address.database and address.database != ":memory:" and not must_exist:
            _make_folder(Path(address.database).parent)
        engine = create_engine(address, connect_args={"timeout": busy_timeout_ms / 1000, "check_same_thread": False})
        engine.update_execution_options(writers=_Turns(busy_timeout_ms / 1000))
        _set_pragmas(engine, synchronous)
        if address.database and address.database != ":memory:":
            _keep_to_file(engine, Path(address.database), must_exist=must_exist)
        return engine
    if password:
        address = address.set(password=password)
    engine = server_engine(address, limits or ServerLimits())
    if tape_store is not None:
        engine.update_execution_options(tape_store=tape_store.resolve())
    return engine


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise failure(f"{folder} cannot be made: {error.strerror}; the database lies there", error) from error


class _Turns:
    """Lets the writers of one file take turns."""

    def __init__(self, patience_s: float | None) -> None:
        self._patience_s = patience_s
        self._lock = threading.Lock()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn; who waited in vain tries without, and hears from SQLite what is wrong."""
        if self._patience_s is None:
            yield
            return
        is_ours = self._lock.acquire(timeout=self._patience_s)
        try:
            yield
        finally:
            if is_ours:
                self._lock.release()


_NO_TURNS: Final = _Turns(None)  # a server lets many write


@contextmanager
def translated(engine: Engine) -> Iterator[None]:
    """Turn driver errors inside the block into one `StorageFailed` line."""
    try:
        yield
    except DBAPIError as error:
        kind = StorageAway if is_passing(error.orig, engine.url.database) else StorageFailed
        raise kind(_explain(engine, str(error.orig))) from error
    except SQLAlchemyError as error:
        raise StorageFailed(f"database {engine.url.render_as_string()}: {error}") from error
    except OverflowError as error:  # SQLite's driver sees it before the database does
        raise BadInput(f"a number is beyond the 64 bits that the database holds ({error})") from error


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open one write transaction; commit on success, leave everything as it was otherwise.

    A SQLite file has one writer at a time. Those of this program wait for each other here: SQLite's own waiting sleeps
    longer and longer, so that of twenty accounts that close an hour together the last would come after a second.
    """
    turns: _Turns = engine.get_execution_options().get("writers", _NO_TURNS)
    with translated(engine), turns.turn(), engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        with connection.begin() if engine.dialect.name != "sqlite" else _sqlite_transaction(connection):
            yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a connection for queries."""
    with translated(engine), engine.connect() as connection:
        yield connection


def migrate(engine: Engine) -> None:
    """Bring the schema to the newest revision. Only the daemon and a restore do this.

    Several that start together take their turns; those that find it done change nothing.
    """
    if require_known(engine) == known_revisions()[0]:
        return
    with writing(engine) as connection, unhurried(connection):
        wait_for_migrations(connection)
        upgrade(connection)


def require_known(engine: Engine) -> str | None:
    """Return the schema's revision (None: there is none yet); refuse one that a newer program has made.

    Raises:
        StorageFailed: this program does not know its schema.
    """
    with reading(engine) as connection:
        found, known = revision_of(connection), known_revisions()
    if found is not None and found not in known:
        raise StorageFailed(
            f"database {engine.url.render_as_string()} has schema {found}, made by a newer program; this one knows "
            f"schemas up to {known[0]}: update it, or restore a backup that this version made"
        )
    return found


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the schema to a revision, inside the transaction that is open."""
    config = _migrations()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def revision_of(connection: Connection) -> str | None:
    """Return the revision of the schema that is there; None: there is none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def known_revisions() -> list[str]:
    """Return the revisions that this program knows, newest first."""
    return sorted((path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py")), reverse=True)


def _migrations() -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


@contextmanager
def _sqlite_transaction(connection: Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.exec_driver_sql("ROLLBACK")
        raise
    connection.exec_driver_sql("COMMIT")


def _set_pragmas(engine: Engine, synchronous: str) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are opened explicitly, not by the driver's guess
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA synchronous={synchronous}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()


def _keep_to_file(engine: Engine, path: Path, *, must_exist: bool) -> None:
    """Let an engine work on the file that it opened first, and on no other that takes its name.

    A file that is moved away is written on without a word by the connections that hold it, and the next connection
    makes a new one in its place. A journal (`-wal`) that is deleted is written on without a word, too; what is in it is
    put into the file after every use, so that a process that ends takes nothing along.
    """
    opened: list[tuple[int, int]] = []

    def journal() -> Path:
        return Path(f"{path.resolve()}-wal")  # SQLite keeps it beside the file itself, wherever a link to it lies

    def check() -> None:
        if opened and _identity(path) != opened[0]:
            raise StorageFailed(
                f"database {path} was moved away or replaced while it was in use; put it back, or start again to go on "
                "with what is there"
            )

    @event.listens_for(engine, "do_connect")
    def before_connect(*_: Any) -> None:
        check()
        if must_exist and not path.exists():
            raise StorageFailed(f"database {path} holds no ledger yet (no such file); start `sigma run` once")

    @event.listens_for(engine, "connect")
    def on_connect(*_: Any) -> None:
        found = _identity(path)
        if found is not None and not opened:
            opened.append(found)

    @event.listens_for(engine, "checkout")
    def on_checkout(*_: Any) -> None:
        check()

    @event.listens_for(engine, "checkin")
    def on_checkin(connection: Any, _record: Any) -> None:
        if connection is not None and opened and not journal().exists():
            _save_journal(connection)

    @event.listens_for(engine, "engine_disposed")
    def on_dispose(_: Engine) -> None:
        opened.clear()


def _save_journal(connection: Any) -> None:
    with suppress(sqlite3.Error):  # a transaction of another connection is open: its end comes here, too
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _explain(engine: Engine, reason: str) -> str:
    where = engine.url.render_as_string()
    lowered = reason.lower()
    if "did not answer" in lowered or "statement timeout" in lowered or "timeout expired" in lowered:
        return f"database {where} keeps us waiting ({reason}); is its server overloaded, frozen or cut off?"
    if "locked" in lowered:
        return f"database {where} is locked by another process; stop it, or wait, or set [database] url to another file"
    if "disk is full" in lowered or "no space" in lowered or "disk i/o" in lowered:
        return f"database {where} cannot be written: {reason}; free some space on that disk"
    if "fatal:" in lowered and "does not exist" in lowered:
        return f"database {where} is not there ({reason}); make it on that server, or correct [database] url"
    if "no such table" in lowered or "does not exist" in lowered:
        return f"database {where} holds no ledger yet ({reason}); start `sigma run` once"
    if "malformed" in lowered or "not a database" in lowered:
        return f"database {where} is damaged ({reason}); put a backup of it and of its tape folder in place"
    return f"database {where}: {reason}"
