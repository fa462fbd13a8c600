"""Old minutes move to parquet; whoever reads the tape does not notice, whenever the move is killed."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import func, select

from storage import durable
from storage.ledger import archive, compaction
from storage.ledger.accounts import Account, find
from storage.ledger.compaction import compact, mend
from storage.ledger.database import connect, reading
from storage.ledger.tables import tape
from storage.ledger.tape import rows
from storage.ledger.verify import verify
from strategies.errors import StorageFailed
from strategies.market import DAY_MS, MINUTE_MS
from tests.bot.trading.world import body_bundle, minutes, new_database, new_engine, opened, trade
from tests.builders import START_MS

COUNT = 2 * 1440 + 300


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database file of an account that traded two days and five hours."""
    folder = tmp_path_factory.mktemp("recorded")
    database, engine = new_database(folder), new_engine()
    _, journal = opened(database, engine)
    trade(engine, journal, minutes(COUNT))
    with database.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.dispose()
    return folder / "ledger.db"


@pytest.fixture
def ledger(recorded: Path, tmp_path: Path) -> tuple[Database, Account]:
    """A copy of it."""
    shutil.copy(recorded, tmp_path / "ledger.db")
    database = connect(f"sqlite:///{tmp_path / 'ledger.db'}")
    account = find(database, "builtin", "main")
    assert account is not None
    return database, account


def all_rows(database: Database, account: Account, after_ms: int = -1) -> list[dict[str, object]]:
    with reading(database) as connection:
        return [dict(row) for row in rows(connection, account.id, after_ms)]


def rows_left(database: Database) -> int:
    with reading(database) as connection:
        return int(connection.execute(select(func.count()).select_from(tape)).scalar_one())


def test_readers_see_the_same_rows_after_a_move(ledger, tmp_path: Path) -> None:
    database, account = ledger
    before = all_rows(database, account)
    moved = compact(database, account, tmp_path, before_ms=START_MS + 2 * DAY_MS)
    assert (moved.days, moved.minutes, rows_left(database)) == (2, 2880, 300)
    assert all_rows(database, account) == before
    middle_ms = START_MS + DAY_MS + 7 * MINUTE_MS
    assert all_rows(database, account, middle_ms) == [row for row in before if row["minute_ms"] > middle_ms]
    assert verify(database, account, lambda _: body_bundle()).differences == []


def test_a_second_run_moves_nothing_and_a_day_that_is_not_over_stays(ledger, tmp_path: Path) -> None:
    database, account = ledger
    assert compact(database, account, tmp_path, before_ms=START_MS + DAY_MS - 1).days == 0
    assert compact(database, account, tmp_path, before_ms=START_MS + DAY_MS).days == 1
    assert compact(database, account, tmp_path, before_ms=START_MS + DAY_MS).days == 0
    assert len(all_rows(database, account)) == COUNT


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def before_the_rename(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durable.os, "replace", die)


def after_the_rename(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "_forget_rows", die)


def inside_the_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction.tape, "delete", die)


def between_two_days(monkeypatch: pytest.MonkeyPatch) -> None:
    write, calls = archive.write_day, []

    def write_once(*arguments: object) -> object:
        calls.append(arguments)
        return write(*arguments) if len(calls) == 1 else die()  # type: ignore[arg-type]

    monkeypatch.setattr(compaction, "write_day", write_once)


@pytest.mark.parametrize("killed", [before_the_rename, after_the_rename, inside_the_transaction, between_two_days])
def test_killed_anywhere_nothing_is_lost_or_doubled_and_the_next_run_finishes(
    ledger, tmp_path: Path, killed: Callable[[pytest.MonkeyPatch], None]
) -> None:
    database, account = ledger
    before = all_rows(database, account)
    database.dispose()
    child = os.fork()
    if not child:
        killed(pytest.MonkeyPatch())
        compact(connect(str(database.url)), account, tmp_path, before_ms=START_MS + 2 * DAY_MS)
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert all_rows(database, account) == before
    compact(database, account, tmp_path, before_ms=START_MS + 2 * DAY_MS)
    assert rows_left(database) == 300
    assert all_rows(database, account) == before


def test_a_day_that_moves_while_it_is_read_is_read_once(ledger, tmp_path: Path, monkeypatch) -> None:
    database, account = ledger
    before = all_rows(database, account)
    monkeypatch.setattr("storage.ledger.tape.PAGE_ROWS", 500)
    seen = []
    with reading(database) as connection:
        for row in rows(connection, account.id):
            if len(seen) == 700:
                compact(database, account, tmp_path, before_ms=START_MS + 2 * DAY_MS)
            seen.append(dict(row))
    assert seen == before


def test_a_damaged_file_is_refused(ledger, tmp_path: Path) -> None:
    database, account = ledger
    compact(database, account, tmp_path, before_ms=START_MS + DAY_MS)
    [file] = (tmp_path / "tape").rglob("*.parquet")
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(StorageFailed, match="checksum"):
        all_rows(database, account)


def test_a_clock_that_ran_ahead_of_the_ledger_moves_no_day_that_is_still_being_written(ledger, tmp_path: Path) -> None:
    database, account = ledger
    before = all_rows(database, account)
    assert compact(database, account, tmp_path, before_ms=START_MS + 30 * DAY_MS).days == 2
    assert rows_left(database) == 300
    assert all_rows(database, account) == before


def archive_as_before(database: Database, account: Account, folder: Path, minutes_of_day: int) -> Path:
    """Do what versions before this one did: take the day as far as it has come, and name the file by the day."""
    path = folder / "tape" / f"builtin-main-{account.id}" / "2025-01-01.parquet"
    with reading(database) as connection:
        query = select(tape).where(tape.c.minute_ms < START_MS + DAY_MS).order_by(tape.c.minute_ms)
        day = connection.execute(query.limit(minutes_of_day)).mappings().all()
    path.parent.mkdir(parents=True, exist_ok=True)
    made = archive.write_day(database, path.parent, day)
    (folder / made.path).replace(path)
    compaction._forget_rows(database, account, replace(made, path=str(path.relative_to(folder))))
    return path


def test_the_rest_of_a_day_that_an_older_version_cut_in_two_gets_a_file_of_its_own(ledger, tmp_path: Path) -> None:
    database, account = ledger
    before = all_rows(database, account)
    first = archive_as_before(database, account, tmp_path, 900)
    content = first.read_bytes()
    assert compact(database, account, tmp_path, before_ms=START_MS + 2 * DAY_MS).minutes == 540 + 1440
    assert first.read_bytes() == content
    assert all_rows(database, account) == before
    assert mend(database, account) == []
    assert verify(database, account, lambda _: body_bundle()).differences == []


def test_a_day_that_an_older_version_wrote_over_is_named_and_the_rest_is_replayed(ledger, tmp_path: Path) -> None:
    database, account = ledger
    archive_as_before(database, account, tmp_path, 900)
    archive_as_before(database, account, tmp_path, 540)  # the file of the same name
    [lost] = mend(database, account)
    assert (lost.first_ms, lost.minutes) == (START_MS, 900)
    found = verify(database, account, lambda _: body_bundle())
    assert (found.lost_minutes, found.minutes) == (900, COUNT - 900)
    assert "900 minutes" in found.differences[0]


def test_a_file_that_was_put_back_under_another_name_is_found_by_its_content(ledger, tmp_path: Path) -> None:
    database, account = ledger
    before = all_rows(database, account)
    compact(database, account, tmp_path, before_ms=START_MS + DAY_MS)
    [file] = (tmp_path / "tape").rglob("*.parquet")
    file.replace(file.with_name("from-the-attic.parquet"))
    file.with_name("a-folder.parquet").mkdir()
    file.with_name("gone.parquet").symlink_to(tmp_path / "unplugged")
    assert mend(database, account) == []
    assert all_rows(database, account) == before
