"""Which database errors a start waits for: those of a moment, not those of a setting."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import psycopg
import pytest

from storage.ledger.database import connect, migrate
from storage.ledger.passing import is_passing
from strategies.errors import StorageAway, StorageFailed

PASS = {
    "could not connect": psycopg.OperationalError("connection failed: Connection refused"),
    "silent": psycopg.OperationalError("server did not answer within 6 s"),
    "too many at connecting": psycopg.OperationalError("FATAL:  sorry, too many clients already"),
    "too many": psycopg.errors.TooManyConnections(),
    "starting": psycopg.errors.CannotConnectNow(),
    "shutting down": psycopg.errors.AdminShutdown(),
    "its disk is full": psycopg.errors.DiskFull(),
    "read-only": psycopg.errors.ReadOnlySqlTransaction(),
    "statement too slow": psycopg.errors.QueryCanceled(),
}
STAY = {
    "password": psycopg.OperationalError('FATAL:  password authentication failed for user "sigma"'),
    "no database": psycopg.OperationalError('FATAL:  database "nosuch" does not exist'),
    "not let in": psycopg.OperationalError("FATAL:  no pg_hba.conf entry for host"),
    "no table": psycopg.errors.UndefinedTable(),
    "twice": psycopg.errors.UniqueViolation(),
}


@pytest.mark.parametrize("what", PASS)
def test_a_servers_moment_passes(what: str) -> None:
    assert is_passing(PASS[what], None)


@pytest.mark.parametrize("what", STAY)
def test_a_wrong_setting_stays(what: str) -> None:
    assert not is_passing(STAY[what], None)


def test_a_sqlite_file_in_use_passes_and_one_that_is_none_stays(tmp_path: Path) -> None:
    database = connect(f"sqlite:///{tmp_path / 'ledger.db'}", busy_timeout_ms=1)
    holder = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StorageAway, match="locked by another process"):
        migrate(database)
    holder.close()
    migrate(database)
    (tmp_path / "other.db").write_bytes(b"words, many of them, and no database at all" * 100)
    with pytest.raises(StorageFailed, match="is damaged") as refused:
        migrate(connect(f"sqlite:///{tmp_path / 'other.db'}"))
    assert not isinstance(refused.value, StorageAway)


def test_a_folder_in_the_place_of_a_file_stays(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").mkdir()
    with pytest.raises(StorageFailed) as refused:
        migrate(connect(f"sqlite:///{tmp_path / 'ledger.db'}"))
    assert not isinstance(refused.value, StorageAway)
