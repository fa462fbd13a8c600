"""PgBouncer in transaction mode between us and the server: sessions are lent for one transaction only."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import make_url, text

from storage.ledger.database import connect, reading, writing
from storage.ledger.lease import BothLeases, RowLease, account_lease
from storage.ledger.postgres import ServerLimits
from strategies.errors import AlreadyRunning, StorageFailed
from tests.postgres.cluster import command, free_port

CONFIG = """
[databases]
* = host=127.0.0.1 port={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = 2
max_client_conn = 100
logfile = {folder}/log
pidfile = {folder}/pid
ignore_startup_parameters = extra_float_digits
"""


@pytest.fixture
def pooled(postgres: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """An engine on the test's database through a pooler of two sessions."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        pytest.skip("pgbouncer is not installed; apt-get install pgbouncer brings it")
    address, port = make_url(postgres.url.render_as_string()), free_port()
    folder = Path(f"/tmp/sigma-pooler-{port}")
    folder.mkdir()
    (folder / "users").write_text('"sigma" ""\n')
    (folder / "pgbouncer.ini").write_text(CONFIG.format(server=address.port, port=port, folder=folder))
    if not os.geteuid():
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, "postgres")
    running = subprocess.Popen(command(folder, program, str(folder / "pgbouncer.ini")), stderr=subprocess.DEVNULL)
    limits = ServerLimits(pooled=True, statement_s=0.5, pool_size=8)
    database = connect(address.set(port=port).render_as_string(), limits=limits)
    try:
        _wait(database)
        yield database
    finally:
        database.dispose()
        running.terminate()
        running.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def test_many_connections_share_two_sessions_and_nothing_is_prepared(pooled: Database) -> None:
    for number in range(30):  # a statement is prepared at the fifth time where it may be
        with writing(pooled) as connection:
            assert connection.execute(text("SELECT :number + 1"), {"number": number}).scalar_one() == number + 1
    with reading(pooled) as connection:
        assert connection.execute(text("SELECT count(*) FROM pg_prepared_statements")).scalar_one() == 0


def test_statements_have_their_time(pooled: Database) -> None:
    with pytest.raises(StorageFailed, match="statement timeout"), writing(pooled) as connection:
        connection.execute(text("SELECT pg_sleep(5)"))


def test_an_account_is_held_by_a_row(pooled: Database, tmp_path: Path) -> None:
    with account_lease(pooled, "builtin", "main", tmp_path, ["second"], pooled=True) as lease:
        lease.renew()
        other = RowLease(pooled, "builtin", "second", holder="elsewhere")
        with pytest.raises(AlreadyRunning, match="account 'second' on builtin is already traded"):
            other.renew()
    other.renew()
    with writing(pooled) as connection:  # half a minute without a sign of life
        connection.execute(text("UPDATE lease SET until_s = until_s - 60"))
    RowLease(pooled, "builtin", "second", holder="a third").renew()
    with pytest.raises(AlreadyRunning):
        other.renew()


def test_rows_keep_two_daemons_apart_that_were_started_in_one_folder(postgres: Database, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    with account_lease(postgres, "builtin", "main", one, pooled=True) as lease:
        lease.renew()
        for state in (one, other):
            again = account_lease(postgres, "builtin", "main", state, pooled=True)
            with pytest.raises(AlreadyRunning, match="account 'main' on builtin is already traded"), again:
                pass
        assert isinstance(lease, BothLeases)
        lease._both[0].close()  # what the system does to the files of a daemon that is killed; its row stays
        with account_lease(postgres, "builtin", "main", one, pooled=True) as following:
            following.renew()
            with pytest.raises(AlreadyRunning):
                lease.renew()


def _wait(database: Database) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            with reading(database) as connection:
                connection.execute(text("SELECT 1"))
                return
        except StorageFailed:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
