"""A database that loses answers, is moved away, is shared by two daemons, or comes from a newer program."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.exc import OperationalError

from bot.trading.open_account import require_ledger
from storage.ledger import candle_notes
from storage.ledger import journal as journal_module
from storage.ledger.accounts import last_state
from storage.ledger.database import connect, migrate, reading, translated, writing
from storage.ledger.journal import Journal
from storage.ledger.lease import account_lease
from storage.ledger.tables import fact, tape
from storage.models.promotion import Promotion
from storage.models.registry import BY_COMMAND_LINE, Registry
from strategies.engine import Engine as TradingEngine
from strategies.errors import AlreadyRunning, BadInput, StorageFailed
from strategies.minute import AccountMinute
from tests.bot.trading.world import minutes, new_database, new_engine, opened

ONE, TWO, THREE = minutes(3)


def record(engine: TradingEngine, journal: Journal, minute: AccountMinute, recorded_ms: int = 1) -> None:
    outcome = engine.step(minute)
    again(engine, journal, minute, outcome, recorded_ms)


def again(engine: TradingEngine, journal: Journal, minute: AccountMinute, outcome, recorded_ms: int) -> None:
    bundle = engine.bundle.id
    journal.record(minute, outcome, engine.state, bundle, signals={}, alerts=[], recorded_ms=recorded_ms)


@contextmanager
def answer_lost(engine: Engine) -> Iterator[Connection]:
    """Commit, and lose the answer on its way."""
    with writing(engine) as connection:
        yield connection
    with translated(engine):
        raise OperationalError("COMMIT", {}, Exception("server closed the connection unexpectedly"))


def count(database: Engine, table) -> int:
    with reading(database) as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def test_a_commit_whose_answer_is_lost_is_read_back_and_not_written_twice(tmp_path: Path, monkeypatch) -> None:
    database, engine = new_database(tmp_path), new_engine()
    account, journal = opened(database, engine)
    outcome = engine.step(ONE)
    monkeypatch.setattr(journal_module, "writing", answer_lost)
    with pytest.raises(StorageFailed, match="closed the connection"):
        again(engine, journal, ONE, outcome, 1)
    again(engine, journal, ONE, outcome, 2)
    monkeypatch.undo()
    record(engine, journal, TWO, 3)
    assert count(database, tape) == 2
    assert last_state(database, account).minute_ms == TWO.open_ms
    assert count(database, fact) == 1 + len(outcome.facts)


def test_a_second_daemon_that_wrote_the_minute_first_ends_this_one(tmp_path: Path) -> None:
    database, engine, other = new_database(tmp_path), new_engine(), new_engine()
    account, journal = opened(database, engine)
    rival = Journal(database, account, engine.markets, engine.settings)
    record(other, rival, ONE, 7)
    with pytest.raises(AlreadyRunning, match="two daemons"):
        record(engine, journal, ONE, 8)


def test_why_a_candle_is_absent_is_written_with_its_minute(tmp_path: Path) -> None:
    database, engine = new_database(tmp_path), new_engine()
    account, journal = opened(database, engine)
    note = {"kind": "excluded", "symbol": "BTCUSDT", "open_ms": ONE.open_ms, "until_ms": TWO.open_ms, "text": "2.4x"}
    journal.notes = lambda: [note]
    record(engine, journal, ONE)
    again = connect(f"sqlite:///{tmp_path / 'ledger.db'}")
    assert candle_notes.read(again, account) == [note]
    Journal(database, account, engine.markets, engine.settings)
    journal.notes = lambda: [note | {"open_ms": TWO.open_ms}]
    with pytest.raises(AlreadyRunning, match="taken over"):
        record(engine, journal, TWO)
    assert candle_notes.read(again, account) == [note], "what was not written with its minute did not happen"
    again.dispose()


def test_a_file_that_is_moved_away_is_missed_at_once_and_found_again(tmp_path: Path) -> None:
    database, engine = new_database(tmp_path), new_engine()
    _, journal = opened(database, engine)
    file, attic = tmp_path / "ledger.db", tmp_path / "attic.db"
    file.rename(attic)
    outcome = engine.step(ONE)
    with pytest.raises(StorageFailed, match="was moved away or replaced"):
        again(engine, journal, ONE, outcome, 1)
    assert not file.exists()
    attic.rename(file)
    again(engine, journal, ONE, outcome, 2)
    assert count(database, tape) == 1


def test_a_file_that_another_takes_the_place_of_is_refused(tmp_path: Path) -> None:
    database = new_database(tmp_path)
    (tmp_path / "ledger.db").rename(tmp_path / "attic.db")
    (tmp_path / "ledger.db").write_bytes(b"")
    with pytest.raises(StorageFailed, match="moved away or replaced"), reading(database):
        pass


def test_a_reader_makes_no_file_in_the_place_of_one_that_is_moved(tmp_path: Path) -> None:
    """SQLite would take the old file's journal for the new one's, and throw it away."""
    database, engine = new_database(tmp_path), new_engine()
    _, journal = opened(database, engine)
    record(engine, journal, ONE)
    file, attic = tmp_path / "ledger.db", tmp_path / "attic.db"
    file.rename(attic)
    reader = connect(f"sqlite:///{file}", must_exist=True)
    with pytest.raises(StorageFailed, match="holds no ledger yet"), reading(reader):
        pass
    assert not file.exists()
    attic.rename(file)
    assert count(reader, tape) == 1


@pytest.mark.parametrize("opened_for", [reading, writing])
def test_a_number_that_no_column_can_hold_is_one_line(tmp_path: Path, opened_for) -> None:
    database = new_database(tmp_path)
    with pytest.raises(BadInput, match="beyond the 64 bits"), opened_for(database) as connection:
        connection.execute(select(tape).where(tape.c.minute_ms < 10**30))
    assert count(database, tape) == 0


def test_a_newer_schema_is_one_line(tmp_path: Path) -> None:
    database = new_database(tmp_path)
    with writing(database) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StorageFailed, match="schema 9999, made by a newer program") as caught:
        migrate(database)
    assert "\n" not in str(caught.value)


def hold(url: str, state: Path, asked, done) -> None:
    with account_lease(connect(url), "builtin", "main", state):
        asked.set()
        done.wait(60)


def test_two_state_folders_on_one_database_are_one_account(tmp_path: Path) -> None:
    new_database(tmp_path)
    context = multiprocessing.get_context("fork")
    asked, done = context.Event(), context.Event()
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    rival = context.Process(target=hold, args=(url, tmp_path / "state-of-one", asked, done))
    rival.start()
    try:
        assert asked.wait(60)
        with (
            pytest.raises(AlreadyRunning, match="already traded by process"),
            account_lease(connect(url), "builtin", "main", tmp_path / "state-of-two"),
        ):
            pass
    finally:
        done.set()
        rival.join(60)


def test_a_champion_without_its_ledger_asks_before_a_new_account_is_opened(tmp_path: Path) -> None:
    registry, database = Registry(tmp_path / "models"), connect(f"sqlite:///{tmp_path / 'ledger.db'}")
    migrate(database)
    require_ledger(database, registry, "builtin")
    registry._move("builtin", Promotion(bundle="b-0123", since_ms=1, why=f"first {BY_COMMAND_LINE}"))
    require_ledger(database, registry, "builtin")
    registry._move("builtin", Promotion(bundle="b-0123", since_ms=1, why="passed (trainer)"))
    with pytest.raises(BadInput, match="--new-account"):
        require_ledger(database, registry, "builtin")
    opened(database, new_engine())
    require_ledger(database, registry, "builtin")


def test_a_file_under_a_symbolic_link_is_one_account_and_keeps_its_journal(tmp_path: Path) -> None:
    real, elsewhere = tmp_path / "disk", tmp_path / "elsewhere"
    real.mkdir()
    elsewhere.mkdir()
    link = elsewhere / "ledger.db"
    link.symlink_to(real / "ledger.db")
    database, engine = connect(f"sqlite:///{link}"), new_engine()
    migrate(database)
    account, journal = opened(database, engine)
    record(engine, journal, ONE)
    assert (real / "ledger.db-wal").stat().st_size > 0, "what was written is not forced into the file after every use"
    with account_lease(database, "builtin", "main", tmp_path / "one"):
        direct = connect(f"sqlite:///{real / 'ledger.db'}")
        with pytest.raises(AlreadyRunning), account_lease(direct, "builtin", "main", tmp_path / "two"):
            pass
    link.unlink()
    link.symlink_to(tmp_path / "another.db")
    with pytest.raises(StorageFailed, match="moved away or replaced"):
        record(engine, journal, TWO)
    link.unlink()
    link.symlink_to(real / "ledger.db")
    assert last_state(database, account).minute_ms == ONE.open_ms


def test_a_file_with_two_names_is_traded_under_neither(tmp_path: Path) -> None:
    database, other = new_database(tmp_path), tmp_path / "other"
    other.mkdir()
    (other / "ledger.db").hardlink_to(tmp_path / "ledger.db")
    for address in (database, connect(f"sqlite:///{other / 'ledger.db'}")):
        with (
            pytest.raises(StorageFailed, match="2 names"),
            account_lease(address, "builtin", "main", tmp_path / "state"),
        ):
            pass
    (other / "ledger.db").unlink()
    with account_lease(database, "builtin", "main", tmp_path / "state"):
        pass


def test_an_older_copy_that_is_put_into_the_file_ends_the_daemon_and_leaves_no_gap(tmp_path: Path) -> None:
    database, engine = new_database(tmp_path), new_engine()
    account, journal = opened(database, engine)
    record(engine, journal, ONE)
    with reading(database) as connection:
        connection.exec_driver_sql("VACUUM INTO ?", (str(tmp_path / "older.db"),))
    record(engine, journal, TWO)
    with reading(database) as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.pool.dispose()
    (tmp_path / "ledger.db").write_bytes((tmp_path / "older.db").read_bytes())
    with pytest.raises(AlreadyRunning, match="another database was put in its place"):
        record(engine, journal, THREE)
    assert last_state(database, account).minute_ms == ONE.open_ms
    assert count(database, tape) == 1


def test_a_pointer_that_cannot_be_read_asks_where_there_is_no_ledger(tmp_path: Path) -> None:
    registry, database = Registry(tmp_path / "models"), connect(f"sqlite:///{tmp_path / 'ledger.db'}")
    migrate(database)
    pointer = tmp_path / "models/production/builtin.json"
    pointer.parent.mkdir(parents=True)
    pointer.write_bytes(b'{"history": [{"bund')
    with pytest.raises(StorageFailed, match="cannot be read"):
        require_ledger(database, registry, "builtin")
    opened(database, new_engine())
    require_ledger(database, registry, "builtin")
