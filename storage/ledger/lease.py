"""One daemon per account: a lease that the operating system or PostgreSQL gives back when its holder dies."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from storage.ledger.database import translated
from strategies.errors import AlreadyRunning, StorageFailed

TAKE_OVER_S: Final = 3  # for the server to end a session of ours
_TRY: Final = text("SELECT pg_try_advisory_lock(:key)")
_END: Final = text(
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = :pid "
    "AND ((classid::bigint << 32) | objid::bigint) = :key"
)


class Lease:
    """An account that is held."""

    def renew(self) -> None:
        """Take it again where it may have been lost.

        Raises:
            AlreadyRunning: another daemon took it meanwhile.
            StorageFailed: the server does not answer; it may be held or not.
        """


@contextmanager
def account_lease(engine: Engine, exchange: str, account: str, state_folder: Path) -> Iterator[Lease]:
    """Hold the account for the length of the block.

    On SQLite the lock lies beside the database file, and in the state folder too: two daemons with state folders of
    their own meet at the first, a program of before at the second.

    Raises:
        AlreadyRunning: another daemon holds it.
    """
    if engine.dialect.name != "sqlite":
        lease = AdvisoryLease(engine, exchange, account)
        try:
            lease.renew()
            yield lease
        finally:
            lease.close()
        return
    file = engine.url.database
    beside = [Path(file).resolve().parent] if file and file != ":memory:" else []
    folders = dict.fromkeys([*beside, state_folder.resolve()])
    files = FileLease(
        [folder / f"{exchange}-{account}.lock" for folder in folders], f"account {account!r} on {exchange}"
    )
    try:
        files.renew()
        yield files
    finally:
        files.close()


class FileLease(Lease):
    """Locked files, which the system unlocks when we die; one that somebody deleted is made and locked again."""

    def __init__(self, paths: list[Path], what: str) -> None:
        self._paths = paths
        self._what = what
        self._held: dict[Path, int] = {}

    def renew(self) -> None:
        """Lock every file that is not the one we hold; see `Lease.renew`."""
        for path in self._paths:
            if path in self._held and _is_same(path, self._held[path]):
                continue
            descriptor = self._locked(path)
            former = self._held.pop(path, None)
            if former is not None:
                os.close(former)
            self._held[path] = descriptor

    def close(self) -> None:
        """Give the account back."""
        while self._held:
            os.close(self._held.popitem()[1])

    def _locked(self, path: Path) -> int:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StorageFailed(f"{path} cannot be made: {error.strerror}; {self._what} is held by it") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            holder = path.read_text().strip() or "unknown"
            raise AlreadyRunning(
                f"{self._what} is already traded by process {holder}; "
                "stop it (`sigma stop`) or choose another [account] name"
            ) from error
        with suppress(OSError):  # a full disk: it is held all the same
            os.ftruncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
        return descriptor


class AdvisoryLease(Lease):
    """A lock that PostgreSQL holds as long as one session lives; a server that restarts gives it away."""

    def __init__(self, engine: Engine, exchange: str, account: str) -> None:
        self._engine = engine
        self._what = f"account {account!r} on {exchange}"
        digest = hashlib.sha256(f"{exchange}/{account}".encode()).digest()
        self._key = int.from_bytes(digest[:8], "big", signed=True)
        self._session: Connection | None = None
        self._backend = 0  # the server's process that held it for us last

    def renew(self) -> None:
        """Ask the session that holds the lock whether it lives; begin another where it does not."""
        if self._session is not None and self._is_alive(self._session):
            return
        self.close()
        with translated(self._engine):
            session = self._engine.connect()
            session.detach()  # closed for good at the end: a pooled session would go on holding the lock
            try:
                held = session.execute(_TRY, {"key": self._key}).scalar_one() or self._take_over(session)
                backend = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
                session.commit()
            except SQLAlchemyError:
                session.invalidate()
                raise
        self._session = session
        if held:
            self._backend = int(backend)
        else:
            self.close()
            raise AlreadyRunning(
                f"{self._what} is already traded by another daemon on {self._engine.url.host}; "
                "stop it or choose another [account] name"
            )

    def _take_over(self, session: Connection) -> bool:
        """End our own session that a server kept while it was frozen or cut off; return whether we hold the account."""
        ended = session.execute(_END, {"key": self._key, "pid": self._backend}).first()
        if ended is None:
            return False  # it is another daemon's
        session.execute(text(f"SET LOCAL lock_timeout = '{TAKE_OVER_S}s'"))
        session.execute(text("SELECT pg_advisory_lock(:key)"), {"key": self._key})
        return True

    def close(self) -> None:
        """Give the account back."""
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


def _is_same(path: Path, descriptor: int) -> bool:
    try:
        found = path.stat()
    except OSError:
        return False
    ours = os.fstat(descriptor)
    return (found.st_dev, found.st_ino) == (ours.st_dev, ours.st_ino)
