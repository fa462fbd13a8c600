"""One daemon per account: a lease that the operating system or PostgreSQL gives back when its holder dies."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, text

from storage.ledger.database import translated
from strategies.errors import AlreadyRunning


@contextmanager
def account_lease(engine: Engine, exchange: str, account: str, state_folder: Path) -> Iterator[None]:
    """Hold the account for the length of the block.

    Raises:
        AlreadyRunning: another daemon holds it.
    """
    if engine.dialect.name == "sqlite":
        with _file_lease(state_folder / f"{exchange}-{account}.lock", f"account {account!r} on {exchange}"):
            yield
    else:
        with _advisory_lease(engine, exchange, account):
            yield


@contextmanager
def _file_lease(path: Path, what: str) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = path.read_text().strip() or "unknown"
            raise AlreadyRunning(
                f"{what} is already traded by process {holder}; stop it (`sigma stop`) or choose another [account] name"
            ) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _advisory_lease(engine: Engine, exchange: str, account: str) -> Iterator[None]:
    key = int.from_bytes(hashlib.sha256(f"{exchange}/{account}".encode()).digest()[:8], "big", signed=True)
    with translated(engine), engine.connect() as connection:
        connection.detach()  # closed for good at the end: a pooled session would go on holding the lock
        held = connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}).scalar_one()
        connection.commit()
        if not held:
            raise AlreadyRunning(
                f"account {account!r} on {exchange} is already traded by another daemon on {engine.url.host}; "
                "stop it or choose another [account] name"
            )
        yield
