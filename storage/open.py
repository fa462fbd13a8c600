"""The database and the account that the configuration names, opened: what readers and batch commands start from."""

from __future__ import annotations

from pathlib import Path

from storage.backup.unfinished import is_unfinished
from storage.lazy import lazily
from strategies.errors import BadInput, StorageFailed

with lazily():
    from sqlalchemy import Engine

    from storage.config.tree import Config
    from storage.ledger import accounts
    from storage.ledger.accounts import Account
    from storage.ledger.database import connect
    from storage.ledger.postgres import ServerLimits


def database_of(config: Config, *, must_exist: bool = False) -> Engine:
    """Return the engine of a configuration; nothing is opened yet.

    Args:
        config: names it.
        must_exist: never make a SQLite file where there is none.
    """
    settings = config.database
    return connect(
        settings.url,
        password="" if settings.is_sqlite else settings.password.reveal(),
        synchronous=settings.synchronous,
        busy_timeout_ms=round(settings.busy_timeout_s * 1000),
        limits=ServerLimits(
            connect_s=settings.connect_timeout_s,
            answer_s=settings.answer_timeout_s,
            statement_s=settings.statement_timeout_s,
            keepalive_s=settings.keepalive_s,
            pool_size=settings.pool_size,
            pool_overflow=settings.pool_overflow,
            application_name=settings.application_name or f"sigma {config.account.name}"[:63],
            pooled=settings.pooler,
        ),
        must_exist=must_exist,
        tape_store=Path(settings.tape_folder or config.paths.state),
    )


def whole_database_of(config: Config) -> Engine:
    """Return the engine of a configuration, for readers.

    Raises:
        StorageFailed: there is no ledger yet (nothing is created by reading), or a restore was interrupted, and what
            is there may be half old and half new.
    """
    if is_unfinished(config.paths.state):
        raise StorageFailed("a restore was interrupted; `sigma run` or the same `sigma restore` finishes it")
    file = config.database.url.partition(":///")[2].partition("?")[0] if config.database.is_sqlite else ""
    if file and not Path(file).exists():
        raise StorageFailed(f"database {file} holds no ledger yet (no such file); start `sigma run` once")
    return database_of(config, must_exist=True)


def read_account(config: Config) -> tuple[Engine, Account]:
    """Return the database and the account that the configuration names.

    Raises:
        BadInput: the account was never opened.
        StorageFailed: there is no ledger yet, or it cannot be read.
    """
    database = whole_database_of(config)
    found = accounts.find(database, config.exchange.name, config.account.name)
    if found is None:
        raise BadInput(
            f"account {config.account.name!r} on {config.exchange.name} was never opened; `sigma run` opens it"
        )
    return database, found
