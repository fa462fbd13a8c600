"""A server that takes no writes or nobody more is away for a moment, and the same engine goes on when it does again."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import text

from storage.ledger.database import connect, reading, writing
from strategies.errors import StorageAway, StorageFailed


def test_a_session_that_began_read_only_is_not_kept(postgres: Database) -> None:
    name, probe = postgres.url.database, text("CREATE TABLE IF NOT EXISTS probe (id int)")
    with writing(postgres) as connection:
        connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    postgres.dispose()
    with pytest.raises(StorageAway, match="read-only"), writing(postgres) as connection:
        connection.execute(probe)
    other = connect(postgres.url.render_as_string())
    with other.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET default_transaction_read_only = off"))
        connection.execute(text(f"ALTER DATABASE {name} RESET default_transaction_read_only"))
    other.dispose()
    with writing(postgres) as connection:
        connection.execute(probe)


def test_a_server_that_takes_nobody_more_is_away(postgres: Database) -> None:
    url = postgres.url.render_as_string()
    with ExitStack() as held, pytest.raises(StorageAway, match="too many"):
        take_all(url, held)
    with reading(connect(url)) as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


def take_all(url: str, held: ExitStack) -> None:
    while True:
        other = connect(url)
        held.callback(other.dispose)
        held.enter_context(reading(other)).execute(text("SELECT 1"))


def test_a_database_that_is_not_there_is_no_matter_of_time(postgres: Database) -> None:
    missing = connect(postgres.url.set(database="nosuch").render_as_string())
    with pytest.raises(StorageFailed, match="make it on that server") as refused, reading(missing):
        pass
    assert not isinstance(refused.value, StorageAway)
