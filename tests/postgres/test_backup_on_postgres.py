"""Backup and restore on PostgreSQL, and between PostgreSQL and SQLite."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import inspect, text

from storage.backup.container import unpacked
from storage.backup.restore import _stage, _switch, schema_of
from storage.backup.switch import finish_restore, write_record
from storage.backup.unfinished import is_unfinished
from storage.ledger.database import writing
from storage.ledger.lease import account_lease
from storage.ledger.tables import account as account_table
from strategies.errors import AlreadyRunning, BadInput
from tests.storage.backup.installations import ACCOUNT, Installation, empty, filled
from tests.storage.backup.killed_restore import killed_at
from tests.storage.backup.test_one_account import put_back
from tests.storage.backup.two_accounts import SECOND, both, differences, rows

KILLED = -9


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """An installation on SQLite that is only read."""
    return filled(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="module")
def backup(on_sqlite: Installation) -> Path:
    """Its backup."""
    target = on_sqlite.folder / "sigma.backup"
    on_sqlite.back_up(target)
    return target


def test_from_sqlite_to_postgres_and_back_no_unit_is_lost(
    on_sqlite: Installation, backup: Path, postgres: Database, tmp_path: Path
) -> None:
    server = empty(tmp_path / "server", postgres)
    server.restore(backup)
    assert server.differences() == []
    assert server.export() == on_sqlite.export()
    made = server.back_up(tmp_path / "server.backup")
    with unpacked(backup) as inside:
        assert (made.dialect, made.tables) == ("postgresql", inside.manifest.tables)
    file = empty(tmp_path / "file")
    file.restore(tmp_path / "server.backup")
    assert file.differences() == []
    assert file.export() == on_sqlite.export()


def test_new_rows_are_numbered_after_those_that_came(backup: Path, postgres: Database, tmp_path: Path) -> None:
    empty(tmp_path, postgres).restore(backup)
    with writing(postgres) as connection:
        row = {"name": "second", "exchange": "builtin", "timeframe": "1h", "layout": 1, "deposit": 5}
        made = connection.execute(account_table.insert().values(row | {"start_ms": 0, "created_ms": 0}))
    assert made.inserted_primary_key == (2,)


def test_what_is_there_goes_into_a_schema_of_its_own(backup: Path, postgres: Database, tmp_path: Path) -> None:
    here = filled(tmp_path, postgres, count=30)
    before = here.export()
    with pytest.raises(BadInput, match="holds a ledger already"):
        here.restore(backup)
    assert here.export() == before
    done = here.restore(backup, force=True)
    assert here.differences() == []
    [schema] = [part for part in done.aside if part.startswith("schema ")]
    with postgres.connect() as connection:
        assert connection.execute(text(f"SELECT count(*) FROM {schema.split()[1]}.tape")).scalar_one() > 0


def test_nothing_is_restored_under_a_running_daemon(backup: Path, postgres: Database, tmp_path: Path) -> None:
    here = empty(tmp_path, postgres)
    with (
        account_lease(postgres, *ACCOUNT, here.places.state),
        pytest.raises(AlreadyRunning, match="another daemon"),
    ):
        here.restore(backup, force=True)


@pytest.mark.timeout(240)
def test_killed_before_the_commit_it_is_the_old_after_it_the_new(
    on_sqlite: Installation, backup: Path, postgres: Database, tmp_path: Path
) -> None:
    seen = []
    for renames in (0, 1, 2, 6):
        folder = tmp_path / str(renames)
        with writing(postgres) as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")
        here = filled(folder, postgres, count=20)
        before, files = here.export(), here.files()
        postgres.dispose()
        assert killed_at(folder, postgres.url.render_as_string(), backup, renames) == KILLED
        finish_restore(here.places.state, postgres)
        assert not is_unfinished(here.places.state)
        is_new = here.export() == on_sqlite.export()
        if is_new:
            assert here.differences() == []
            assert schema_of("19700101T000000001") in inspect(postgres).get_schema_names()
            with writing(postgres) as connection:
                connection.exec_driver_sql(f"DROP SCHEMA {schema_of('19700101T000000001')} CASCADE")
        else:
            assert (here.export(), here.files()) == (before, files)
        seen.append(is_new)
    assert seen == [False, True, True, True]


def test_a_record_without_its_commit_is_undone(backup: Path, postgres: Database, tmp_path: Path) -> None:
    here = filled(tmp_path, postgres, count=20)
    before, files = here.export(), here.files()
    with unpacked(backup) as inside:
        switch = _switch(inside, here.places, 5)
        _stage(inside, switch, here.places, lambda *_: None)
    write_record(switch, here.places.state)
    assert finish_restore(here.places.state, postgres) is None
    assert (here.export(), here.files()) == (before, files)
    assert not list(tmp_path.rglob(".restore-*"))


def test_one_account_goes_from_server_to_file_and_back_beside_others(postgres: Database, tmp_path: Path) -> None:
    server = both(tmp_path / "server", postgres)
    wanted, other = rows(server, "second"), rows(server, "main")
    server.back_up(tmp_path / "second.backup", account=SECOND)
    file = filled(tmp_path / "file", count=50)
    put_back(file, tmp_path / "second.backup")
    assert differences(file) == []
    file.back_up(tmp_path / "again.backup", account=SECOND)
    done = put_back(server, tmp_path / "again.backup", force=True)
    assert len(done.aside) == 1
    assert (rows(server, "main"), differences(server)) == (other, [])
    found = rows(server, "second")
    assert found.pop("archive")[0]["sha256"] == wanted.pop("archive")[0]["sha256"]
    assert found == wanted
