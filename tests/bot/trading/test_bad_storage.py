"""A ledger that cannot be written: one clear line, nothing half written, and trading goes on when it can."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.ledger.compaction import compact
from storage.ledger.database import connect, migrate, writing
from storage.ledger.lease import account_lease
from storage.ledger.queries import Ledger
from storage.ledger.verify import verify
from strategies.errors import AlreadyRunning, StorageFailed
from strategies.market import DAY_MS
from tests.bot.trading.daemon_world import daemon_world
from tests.bot.trading.world import body_bundle, minutes, new_database, new_engine, opened, trade

MINUTES = minutes(130)


def test_a_database_locked_by_another_process_is_said(tmp_path: Path) -> None:
    new_database(tmp_path)
    holder = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    waiting = connect(f"sqlite:///{tmp_path / 'ledger.db'}", busy_timeout_ms=50)
    with pytest.raises(StorageFailed, match="locked by another process"), writing(waiting):
        pass
    holder.execute("ROLLBACK")
    migrate(waiting)


def test_a_journal_that_is_deleted_takes_nothing_along(tmp_path: Path) -> None:
    database, engine = new_database(tmp_path), new_engine()
    account, journal = opened(database, engine)
    trade(engine, journal, MINUTES[:5])
    (tmp_path / "ledger.db-wal").unlink()
    trade(engine, journal, MINUTES[5:9])
    shutil.copy(tmp_path / "ledger.db", tmp_path / "found.db")  # what is there when the process is killed now
    found = connect(f"sqlite:///{tmp_path / 'found.db'}")
    assert Ledger(found, account).stopped().minute_ms == MINUTES[8].open_ms
    trade(engine, journal, MINUTES[9:12])
    database.dispose()
    assert Ledger(new_database(tmp_path), account).stopped().minute_ms == MINUTES[11].open_ms


def test_a_lock_that_is_deleted_is_taken_again_or_ends_the_daemon_that_lost_it(tmp_path: Path) -> None:
    database, state = new_database(tmp_path), tmp_path / "state"
    with account_lease(database, "builtin", "main", state) as lease:
        for lock in (*tmp_path.glob("*.lock"), *state.glob("*.lock")):
            lock.unlink()
        lease.renew()
        with pytest.raises(AlreadyRunning), account_lease(database, "builtin", "main", state):
            pass
        (tmp_path / "builtin-main.lock").unlink()
        another = account_lease(database, "builtin", "main", tmp_path / "other")
        with another, pytest.raises(AlreadyRunning):  # it was quicker
            lease.renew()


async def test_trading_waits_for_a_locked_ledger_and_loses_nothing(tmp_path: Path) -> None:
    async with daemon_world(tmp_path) as world:
        await world.hand(*MINUTES[:3])
        holder = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None, check_same_thread=False)
        holder.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(6.0, lambda: holder.execute("ROLLBACK"))
        timer.start()
        await world.hand(*MINUTES[3:6])
        timer.join()
        assert world.control.ledger.stopped().minute_ms == MINUTES[5].open_ms


@contextlib.contextmanager
def disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of its own."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a tmpfs cannot be mounted here: only root may")
    yield folder
    subprocess.run(["umount", "-l", folder], check=False)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    with disk(tmp_path / "small", "2m") as folder:
        yield folder


def fill(ballast: Path) -> None:
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(os.urandom(4096))


def test_a_full_disk_is_said_and_the_minute_is_written_once_there_is_room(small_disk: Path) -> None:
    database, engine = new_database(small_disk), new_engine()
    account, journal = opened(database, engine)
    trade(engine, journal, MINUTES[:60])
    ballast = small_disk / "ballast"
    fill(ballast)
    taken, outcome, refused = 59, None, ""
    while not refused:
        taken += 1
        outcome = engine.step(MINUTES[taken])
        try:
            journal.record(MINUTES[taken], outcome, engine.state, "b-body", signals={}, alerts=(), recorded_ms=0)
        except StorageFailed as error:
            refused = str(error)
    assert "cannot be written" in refused
    ledger = Ledger(database, account)
    ballast.unlink()
    assert ledger.stopped().minute_ms == MINUTES[taken - 1].open_ms
    journal.record(MINUTES[taken], outcome, engine.state, "b-body", signals={}, alerts=(), recorded_ms=0)
    assert ledger.stopped().minute_ms == MINUTES[taken].open_ms


def test_a_disk_that_fills_up_while_a_day_is_archived_loses_nothing(tmp_path: Path) -> None:
    with disk(tmp_path / "disk", "24m") as folder:
        archive_on(folder)


def archive_on(folder: Path) -> None:
    database, engine = new_database(folder), new_engine()
    account, journal = opened(database, engine)
    trade(engine, journal, minutes(1440 + 30))
    ballast, day_ms = folder / "ballast", MINUTES[0].open_ms + DAY_MS
    fill(ballast)
    with pytest.raises(StorageFailed, match=r"could not be written|cannot be written|cannot be made"):
        compact(database, account, folder, before_ms=day_ms)
    assert not verify(database, account, lambda _name: body_bundle()).differences
    ballast.unlink()
    assert compact(database, account, folder, before_ms=day_ms).minutes == 1440
    found = verify(database, account, lambda _name: body_bundle())
    assert (found.minutes, found.differences) == (1470, [])
    assert [path.name for path in (folder / "tape").rglob("*") if "staged" in path.name] == []


def test_a_damaged_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(StorageFailed, match="damaged"):
        migrate(connect(f"sqlite:///{tmp_path / 'ledger.db'}"))


def test_an_account_has_one_daemon_at_a_time(tmp_path: Path) -> None:
    database = new_database(tmp_path)
    with account_lease(database, "builtin", "main", tmp_path):
        with (
            pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"),
            account_lease(database, "builtin", "main", tmp_path),
        ):
            pass
        with account_lease(database, "builtin", "other", tmp_path):
            pass
    with account_lease(database, "builtin", "main", tmp_path):
        pass


def test_the_revisions_make_exactly_the_schema(tmp_path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from storage.ledger.tables import metadata

    with new_database(tmp_path).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
