"""A program that is to end waits for a silent server no longer than a moment, and for no new connection."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import text

from storage.ledger.database import connect, reading
from storage.ledger.postgres import ServerLimits, hurry
from strategies.errors import StorageFailed
from tests.postgres.test_frozen_server import frozen

PATIENT = ServerLimits(answer_s=60, statement_s=0)


def test_a_stop_does_not_wait_for_a_frozen_server(postgres: Database) -> None:
    database = connect(postgres.url.render_as_string(), limits=PATIENT)
    with pytest.raises(StorageFailed, match=r"did not answer for 1\.5 s"):
        hurried_within(database)
    begun = time.monotonic()
    with pytest.raises(StorageFailed, match="ending and connects no more"), reading(database):
        pass
    assert time.monotonic() - begun < 30  # of the minute that it would wait otherwise
    database.dispose()


def hurried_within(database: Database) -> None:
    """Ask a server in a transaction that freezes meanwhile, while the program is told to end."""
    with reading(database) as connection:
        process = int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
        with frozen(process):
            hurry(database)
            connection.execute(text("SELECT 1"))


def test_nothing_is_hurried_on_sqlite(tmp_path) -> None:  # type: ignore[no-untyped-def]
    database = connect(f"sqlite:///{tmp_path / 'a.db'}")
    hurry(database)
    with reading(database) as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    database.dispose()
