"""The database that the configuration names, opened."""

from __future__ import annotations

from sqlalchemy import Engine

from storage.backup.switch import is_unfinished
from storage.config.tree import Config
from storage.ledger.database import connect
from strategies.errors import StorageFailed


def database_of(config: Config) -> Engine:
    """Return the engine of a configuration; nothing is opened yet."""
    settings = config.database
    return connect(
        settings.url,
        password=settings.password.reveal(),
        synchronous=settings.synchronous,
        busy_timeout_ms=round(settings.busy_timeout_s * 1000),
    )


def whole_database_of(config: Config) -> Engine:
    """Return the engine of a configuration, for readers.

    Raises:
        StorageFailed: a restore was interrupted, and what is there may be half old and half new.
    """
    if is_unfinished(config.paths.state):
        raise StorageFailed("a restore was interrupted; `sigma run` or the same `sigma restore` finishes it")
    return database_of(config)
