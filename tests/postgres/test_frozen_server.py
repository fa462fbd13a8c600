"""A server that freezes, keeps a session of ours, or is migrated by several at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import make_url, text

from storage.ledger.database import connect, known_revisions, migrate, reading, revision_of, writing
from storage.ledger.lease import AdvisoryLease
from storage.ledger.postgres import ServerLimits, unhurried
from strategies.errors import AlreadyRunning, StorageFailed

QUICK = ServerLimits(
    connect_s=2, answer_s=1, statement_s=0.2, pool_size=1, pool_overflow=0, application_name="sigma me"
)


def limited(database: Database) -> Database:
    """Return another engine on a database, with limits that are soon reached."""
    return connect(database.url.render_as_string(), limits=QUICK)


def server_process(database: Database) -> int:
    """Return the process that serves a new connection of the engine."""
    with reading(database) as connection:
        return int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())


@contextmanager
def frozen(*processes: int) -> Iterator[None]:
    """Hold server processes for the length of the block, as a frozen host would."""
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


def freeze_within(database: Database) -> None:
    """Ask a server in a transaction that freezes meanwhile."""
    with writing(database) as connection:
        process = int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
        with frozen(process):
            connection.execute(text("SELECT 1"))


def test_a_frozen_server_is_given_up_and_used_again_when_it_thaws(postgres: Database) -> None:
    database = limited(postgres)
    with frozen(server_process(database)):
        with writing(postgres) as other:  # the rest of the server goes on
            other.execute(text("SELECT 1"))
        with reading(database) as connection:  # found dead by the ping, replaced
            assert connection.execute(text("SELECT 1")).scalar_one() == 1
    database.dispose()


def test_a_server_that_freezes_within_a_transaction_is_told_in_a_line(postgres: Database) -> None:
    database = limited(postgres)
    with pytest.raises(StorageFailed, match=r"did not answer for 1 s.*frozen"):
        freeze_within(database)
    with reading(database) as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    database.dispose()


def test_nobody_waits_for_a_server_that_takes_no_connections(postgres: Database) -> None:
    database = limited(postgres)
    with reading(postgres) as connection:
        folder = connection.execute(text("SHOW data_directory")).scalar_one()
    with open(f"{folder}/postmaster.pid") as file:
        postmaster = int(file.readline())
    with frozen(postmaster):
        with pytest.raises(StorageFailed, match=r"keeps us waiting \(.*timeout"), reading(database):
            pass
        with pytest.raises(StorageFailed, match="did not answer less than 2 s ago"), reading(database):
            pass  # whoever stops a daemon does not wait for every caller in turn
    with reading(limited(postgres)) as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    database.dispose()


def test_a_statement_has_its_time_and_a_migration_any(postgres: Database) -> None:
    database = limited(postgres)
    with pytest.raises(StorageFailed, match="statement timeout"), reading(database) as connection:
        connection.execute(text("SELECT pg_sleep(5)"))
    with writing(database) as connection, unhurried(connection):
        connection.execute(text("SELECT pg_sleep(0.4)"))
    with reading(database) as connection:
        assert connection.execute(text("SHOW statement_timeout")).scalar_one() == "200ms"
        assert connection.execute(text("SHOW application_name")).scalar_one() == "sigma me"
        assert connection.execute(text("SHOW tcp_keepalives_idle")).scalar_one() is not None
    database.dispose()


def test_a_lease_is_taken_back_from_the_session_that_a_frozen_server_kept(postgres: Database) -> None:
    database = connect(postgres.url.render_as_string(), limits=replace(QUICK, statement_s=2))
    lease = AdvisoryLease(database, "builtin", "main")
    lease.renew()
    other = AdvisoryLease(postgres, "builtin", "main")
    with frozen(lease._backend), pytest.raises(StorageFailed):
        lease.renew()  # the frozen session holds it still: nobody else's, so the daemon goes on trying
    lease.renew()
    with pytest.raises(AlreadyRunning):
        other.renew()
    lease.close()
    other.renew()
    with pytest.raises(AlreadyRunning):
        lease.renew()  # never taken from another daemon
    other.close()
    database.dispose()


def test_programs_that_start_together_migrate_in_turn(server: str) -> None:
    maintenance = connect(server)
    with maintenance.connect() as connection:
        committed = connection.execution_options(isolation_level="AUTOCOMMIT")
        committed.execute(text("DROP DATABASE IF EXISTS together"))
        committed.execute(text("CREATE DATABASE together"))
    address = make_url(server).set(database="together").render_as_string()
    databases = [connect(address) for _ in range(4)]
    with ThreadPoolExecutor(len(databases)) as threads:
        list(threads.map(migrate, databases))
    with reading(databases[0]) as connection:
        assert revision_of(connection) == known_revisions()[0]
    for database in [*databases, maintenance]:
        database.dispose()
