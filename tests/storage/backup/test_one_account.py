"""One account out of a database with several: backed up alone, put back beside the others, which do not notice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from bot.clock import wall_ms
from storage.backup import one_account
from storage.backup.container import unpacked
from storage.backup.last_backup import last_backup_s
from storage.backup.one_account import restore_account
from storage.backup.restore import Restored, RestoreOptions
from storage.ledger.database import connect, migrate, writing
from storage.ledger.lease import account_lease
from storage.ledger.outbox import Outbox
from storage.ledger.tables import outbox
from strategies.errors import AlreadyRunning, BadInput
from tests.storage.backup.installations import Installation, empty, filled
from tests.storage.backup.two_accounts import SECOND, both, differences, go_on, open_second, rows, second


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """An installation of two accounts that is only read."""
    return both(tmp_path_factory.mktemp("both"))


@pytest.fixture(scope="module")
def backup(traded: Installation) -> Path:
    """The backup of its second account."""
    target = traded.folder / "second.backup"
    traded.back_up(target, account=SECOND)
    return target


def put_back(made: Installation, source: Path, **options: Any) -> Restored:
    return restore_account(
        made.database, made.places, source, SECOND, RestoreOptions(**{"now_ms": wall_ms()} | options)
    )


def test_a_backup_of_one_account_holds_its_rows_and_days_alone(traded: Installation, backup: Path) -> None:
    with unpacked(backup) as inside:
        manifest = inside.manifest
    assert [(part.exchange, part.name) for part in manifest.accounts] == [SECOND]
    own = rows(traded, "second")
    assert {name: manifest.tables[name] for name in own} == {name: len(found) for name, found in own.items()}
    assert len([member for member in manifest.members if member.name.startswith("tape/")]) == len(own["archive"]) == 1
    assert last_backup_s(traded.places.state) == 0  # it is not the backup of this installation


def test_it_comes_back_beside_an_account_that_went_on(traded: Installation, backup: Path, tmp_path: Path) -> None:
    here = filled(tmp_path, count=400)
    alerts = Outbox(here.database, here.account().id)
    with writing(here.database) as connection:  # numbers that the backup uses, too, are taken here
        row = {"account_id": here.account().id, "ms": 1, "event": "feed", "payload": "{}"}
        connection.execute(insert(outbox), [row | {"key": f"x-{number}"} for number in range(4)])
    before, told = rows(here, "main"), alerts.told()
    done = put_back(here, backup)
    assert (done.aside, here.differences(), differences(here)) == ((), [], [])
    assert rows(here, "second") == rows(traded, "second")
    assert (rows(here, "main"), alerts.told()) == (before, told)
    box = Outbox(here.database, second(here).id)
    assert [owed.key for owed in box.pending("file", 9)] == ["a-3", "a-4", "a-5"]  # what was told is not told again


def test_where_it_is_already_it_is_replaced_when_told_to_and_what_it_was_is_kept(
    traded: Installation, backup: Path, tmp_path: Path
) -> None:
    here = both(tmp_path, count=300)
    before, other = rows(here, "second"), rows(here, "main")
    with pytest.raises(BadInput, match="is here already; --force replaces it"):
        put_back(here, backup)
    assert rows(here, "second") == before
    done = put_back(here, backup, force=True)
    assert rows(here, "second") == rows(traded, "second")
    assert (rows(here, "main"), differences(here)) == (other, [])
    put_back(here, Path(done.aside[0]), force=True)
    assert rows(here, "second") == before


def test_it_comes_out_of_a_backup_of_all_too(traded: Installation, tmp_path: Path) -> None:
    traded.back_up(tmp_path / "all.backup")
    here = filled(tmp_path / "here", count=20)
    put_back(here, tmp_path / "all.backup")
    assert rows(here, "second") == rows(traded, "second")
    with pytest.raises(BadInput, match="does not hold account 'third'"):
        restore_account(
            here.database,
            here.places,
            tmp_path / "all.backup",
            ("builtin", "third"),
            RestoreOptions(now_ms=1),
        )


def test_a_backup_of_one_fills_an_empty_installation_as_any_other(
    traded: Installation, backup: Path, tmp_path: Path
) -> None:
    here = empty(tmp_path)
    here.restore(backup)
    assert rows(here, "second") == rows(traded, "second")
    assert differences(here) == []


def test_an_account_that_is_not_there_is_named_with_those_that_are(traded: Installation, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"'other' on builtin is not in the database; there: main on builtin, second"):
        traded.back_up(tmp_path / "other.backup", account=("builtin", "other"))
    assert not (tmp_path / "other.backup").exists()


def test_only_the_accounts_own_daemon_has_to_stand_still(backup: Path, tmp_path: Path) -> None:
    here = filled(tmp_path, count=20)
    with account_lease(here.database, "builtin", "main", here.places.state):
        put_back(here, backup)
    with (
        account_lease(here.database, *SECOND, here.places.state),
        pytest.raises(AlreadyRunning, match=r"another daemon|already traded"),
    ):
        put_back(here, backup, force=True)


def test_what_fails_before_the_commit_changes_nothing(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = both(tmp_path, count=300)
    before = (rows(here, "main"), rows(here, "second"))

    def fail(*_: object) -> None:
        raise RuntimeError("the power is gone")

    monkeypatch.setattr(one_account, "_settle_channels", fail)  # the last step before the commit
    with pytest.raises(RuntimeError, match="power"):
        put_back(here, backup, force=True)
    assert (rows(here, "main"), rows(here, "second")) == before
    assert not list(here.places.state.glob(".restore-*"))


def test_without_a_ledger_here_it_says_what_to_do(backup: Path, tmp_path: Path) -> None:
    here = empty(tmp_path)
    here.places.state.mkdir(parents=True, exist_ok=True)
    with pytest.raises(BadInput, match="without --account fills it"):
        put_back(here, backup)


def test_an_account_that_has_taken_no_minute_yet_comes_back_and_trades(tmp_path: Path) -> None:
    there = filled(tmp_path / "there", count=20)
    open_second(there)
    there.back_up(tmp_path / "young.backup", account=SECOND)
    here = filled(tmp_path / "here", count=20)
    put_back(here, tmp_path / "young.backup")
    go_on(here, 100)
    assert differences(here) == []


def test_a_ledger_of_another_schema_is_not_filled(backup: Path, tmp_path: Path) -> None:
    database = connect(f"sqlite:///{tmp_path / 'old.db'}")
    migrate(database)
    with writing(database) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0006'")
    here = Installation(folder=tmp_path, database=database)
    here.places.state.mkdir()
    with pytest.raises(BadInput, match="schema 0006"):
        put_back(here, backup)
