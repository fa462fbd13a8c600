"""Lease: one daemon per account, given back by the operating system or PostgreSQL when its holder dies."""

from __future__ import annotations

import fcntl
import hashlib
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from storage.durable import failure, is_at
from storage.ledger.database import translated
from storage.ledger.tables import lease as lease_row
from strategies.errors import AlreadyRunning, StorageFailed

TAKE_OVER_S: Final = 3  # for the server to end a session of ours
_TRY: Final = text("SELECT pg_try_advisory_lock(:key)")
_END: Final = text(
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = :pid "
    "AND ((classid::bigint << 32) | objid::bigint) = :key"
)

ROW_S: Final = 30  # that a row holds an account without being renewed
_TAKE: Final = text(
    "INSERT INTO lease (exchange, name, holder, until_s) VALUES (:exchange, :name, :holder, "
    f"extract(epoch FROM now()) + {ROW_S}) ON CONFLICT (exchange, name) DO UPDATE SET holder = :holder, "
    f"until_s = extract(epoch FROM now()) + {ROW_S} "
    "WHERE lease.holder = :holder OR lease.until_s < extract(epoch FROM now()) RETURNING holder"
)


class Lease:
    """Accounts that are held."""

    def renew(self) -> None:
        """Take it again where it may have been lost.

        Raises:
            AlreadyRunning: another daemon took it meanwhile.
            StorageFailed: the server does not answer; it may be held or not.
        """

    def close(self) -> None:
        """Give the accounts back."""


@contextmanager
def account_lease(
    engine: Engine,
    exchange: str,
    account: str,
    state_folder: Path,
    further: Sequence[str] = (),
    *,
    pooled: bool = False,
) -> Iterator[Lease]:
    """Hold the account, and further ones of the exchange, for the length of the block.

    On SQLite the lock lies beside the database file, and in the state folder too: two daemons with state folders of
    their own meet at the first, a program of before at the second.

    Args:
        pooled: a pooler stands between, which gives a session to nobody for long: held by a row with an end, and by
            files in the state folder, which the row's name stands for.

    Raises:
        AlreadyRunning: another daemon holds one of them.
        StorageFailed: the SQLite file has several names.
    """
    own, accounts = state_folder.resolve(), (account, *further)
    if engine.dialect.name == "sqlite":
        file = engine.url.database
        beside = [_one_name(Path(file).resolve()).parent] if file and file != ":memory:" else []
        lease: Lease = FileLease.of([*beside, own], exchange, accounts)
    elif pooled:
        row = RowLease(engine, exchange, *accounts, holder=f"{socket.gethostname()}:{own}")
        lease = BothLeases(FileLease.of([own], exchange, accounts), row)
    else:
        lease = AdvisoryLease(engine, exchange, *accounts)
    try:
        lease.renew()
        yield lease
    finally:
        lease.close()


class FileLease(Lease):
    """Locked files, which the system unlocks when we die; one that somebody deleted is made and locked again."""

    def __init__(self, files: Mapping[Path, str]) -> None:
        """Prepare to hold files; each with what it stands for."""
        self._files = dict(files)
        self._held: dict[Path, int] = {}

    @classmethod
    def of(cls, folders: Sequence[Path], exchange: str, accounts: Sequence[str]) -> Self:
        """Return one that holds accounts in each of some folders."""
        held = {name: f"account {name!r} on {exchange}" for name in accounts}
        places = dict.fromkeys(folders)
        return cls({folder / f"{exchange}-{name}.lock": what for name, what in held.items() for folder in places})

    def renew(self) -> None:
        """Lock every file that is not the one we hold; see `Lease.renew`."""
        for path, what in self._files.items():
            if path in self._held and is_at(path, self._held[path]):
                continue
            descriptor = _locked(path, what)
            former = self._held.pop(path, None)
            if former is not None:
                os.close(former)
            self._held[path] = descriptor

    def close(self) -> None:
        """Give the account back."""
        while self._held:
            os.close(self._held.popitem()[1])


class AdvisoryLease(Lease):
    """Locks that PostgreSQL holds as long as one session lives; a server that restarts gives them away.

    However many accounts are held, it is one session.
    """

    def __init__(self, engine: Engine, exchange: str, *accounts: str) -> None:
        self._engine = engine
        self._keys = {f"account {name!r} on {exchange}": _key(exchange, name) for name in accounts}
        self._session: Connection | None = None
        self._backend = 0  # the server's process that held them for us last

    def renew(self) -> None:
        """Ask the session that holds the locks whether it lives; begin another where it does not."""
        if self._session is not None and self._is_alive(self._session):
            return
        self.close()
        with translated(self._engine):
            session = self._engine.connect()
            session.detach()  # closed for good at the end: a pooled session would go on holding the locks
            try:
                refused = [what for what, key in self._keys.items() if not self._held(session, key)]
                backend = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
                session.commit()
            except SQLAlchemyError:
                session.invalidate()
                raise
        self._session = session
        if refused:
            self.close()
            raise AlreadyRunning(
                f"{refused[0]} is already traded by another daemon on {self._engine.url.host}; "
                "stop it or choose another [account] name"
            )
        self._backend = int(backend)

    def _held(self, session: Connection, key: int) -> bool:
        return bool(session.execute(_TRY, {"key": key}).scalar_one()) or self._take_over(session, key)

    def _take_over(self, session: Connection, key: int) -> bool:
        """End our own session that a server kept while it was frozen or cut off; return whether we hold the account."""
        ended = session.execute(_END, {"key": key, "pid": self._backend}).first()
        if ended is None:
            return False  # it is another daemon's
        session.execute(text(f"SET LOCAL lock_timeout = '{TAKE_OVER_S}s'"))
        session.execute(text("SELECT pg_advisory_lock(:key)"), {"key": key})
        return True

    def close(self) -> None:
        """Give the accounts back."""
        session, self._session = self._session, None
        if session is not None:
            with suppress(SQLAlchemyError):
                session.close()

    def _is_alive(self, session: Connection) -> bool:
        try:
            session.execute(text("SELECT 1"))
            session.commit()
        except SQLAlchemyError:
            return False
        return True


def _one_name(path: Path) -> Path:
    """Return a SQLite file that has no other name: under each of them there would be a journal and a lease of its own.

    Raises:
        StorageFailed: it has another one (a hard link).
    """
    try:
        names = path.stat().st_nlink
    except OSError:
        return path  # it is not there yet
    if names > 1:
        raise StorageFailed(
            f"database {path} has {names} names (hard links): two programs that use it under two of them would damage "
            "it; keep one name, and make copies by `sigma backup`"
        )
    return path


class RowLease(Lease):
    """Rows with an end, renewed while the daemon lives: for poolers that lend a session for one transaction only.

    A daemon that was killed leaves its rows until they end; one of the same name goes on at once, so a name must stand
    for whoever holds the files of one state folder.
    """

    def __init__(self, engine: Engine, exchange: str, *accounts: str, holder: str) -> None:
        self._engine = engine
        self._exchange = exchange
        self._accounts = accounts
        self._holder = holder
        self._is_held = False

    def renew(self) -> None:
        """Take the rows, or move their end away."""
        with translated(self._engine), self._engine.begin() as connection:
            if not inspect(connection).has_table(lease_row.name):
                return  # nobody has traded here yet; asked again once the schema is there
            for name in self._accounts:
                given = {"exchange": self._exchange, "name": name, "holder": self._holder}
                if connection.execute(_TAKE, given).first() is None:
                    raise AlreadyRunning(
                        f"account {name!r} on {self._exchange} is already traded by another daemon on "
                        f"{self._engine.url.host}; stop it, or wait {ROW_S} s if it was killed"
                    )
        self._is_held = True

    def close(self) -> None:
        """Give the accounts back; who never held them leaves alone what another of its name holds."""
        if not self._is_held:
            return
        mine = (lease_row.c.exchange == self._exchange, lease_row.c.holder == self._holder)
        with suppress(SQLAlchemyError), self._engine.begin() as connection:
            connection.execute(lease_row.delete().where(*mine))


class BothLeases(Lease):
    """Two leases that are held together; the first says who may ask for the second."""

    def __init__(self, first: Lease, second: Lease) -> None:
        self._both = (first, second)

    def renew(self) -> None:
        """Take both again; see `Lease.renew`."""
        for lease in self._both:
            lease.renew()

    def close(self) -> None:
        """Give both back, the second first."""
        for lease in reversed(self._both):
            lease.close()


def _key(exchange: str, account: str) -> int:
    digest = hashlib.sha256(f"{exchange}/{account}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def _locked(path: Path, what: str) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise failure(f"{path} cannot be made: {error.strerror}; {what} is held by it", error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        holder = path.read_text().strip() or "unknown"
        raise AlreadyRunning(
            f"{what} is already traded by process {holder}; "
            f"end that process first (Ctrl-C, or `kill {holder}`) or choose another [account] name"
        ) from error
    with suppress(OSError):  # a full disk: it is held all the same
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
    return descriptor
