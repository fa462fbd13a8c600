"""Writers of one SQLite file take turns inside a program, and hold no connection while they wait."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from storage.ledger.database import connect, migrate, writing
from storage.ledger.tables import document
from strategies.errors import StorageFailed

WRITERS = 40  # more than the pool has connections


def test_many_writers_all_come_to_their_turn(tmp_path: Path) -> None:
    database: Any = connect(f"sqlite:///{tmp_path / 'ledger.db'}")
    migrate(database)
    failed: list[BaseException] = []

    def write(number: int) -> None:
        try:
            with writing(database) as connection:
                connection.execute(document.insert().values(id=str(number), kind="test", text=""))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    with writing(database):
        for thread in threads:
            thread.start()
        assert database.pool.checkedout() == 1
    for thread in threads:
        thread.join()
    assert failed == []
    with database.connect() as connection:
        assert len(connection.execute(select(document)).all()) == WRITERS


def test_a_writer_that_fails_lets_the_next_one_in(tmp_path: Path) -> None:
    database = connect(f"sqlite:///{tmp_path / 'ledger.db'}")
    migrate(database)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), writing(database):
            raise ZeroDivisionError
    with writing(database) as connection:
        connection.execute(document.insert().values(id="a", kind="test", text=""))


def test_another_program_that_writes_is_waited_for_as_long_as_is_configured(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    database, other = connect(url, busy_timeout_ms=50), connect(url, busy_timeout_ms=50)
    migrate(database)
    with writing(other), pytest.raises(StorageFailed, match="locked by another process"), writing(database):
        pass
