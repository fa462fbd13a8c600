"""`sigma backup` and `sigma restore` as a person types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.cli import main
from storage.ledger.database import connect, migrate
from strategies.bundle.bundle import trend_bundle
from tests.bot.trading.world import minutes, new_engine, opened, trade


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a ledger of the trend rule, which needs no files; the command line works in it."""
    database = connect(f"sqlite:///{tmp_path / 'state' / 'sigma.db'}")
    migrate(database)
    engine = new_engine(trend_bundle())
    _, journal = opened(database, engine)
    trade(engine, journal, minutes(130))
    database.dispose()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIGMA_EXCHANGE__NAME", "builtin")
    return tmp_path


def test_a_restored_backup_says_identical(
    ledger: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["backup", "sigma.backup"]) == 0
    assert "wrote sigma.backup: main on builtin as of" in capsys.readouterr().out
    new = ledger / "new"
    new.mkdir()
    monkeypatch.chdir(new)
    assert main(["restore", "../sigma.backup"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("main on builtin: identical: 130 minutes")
    assert "restored ../sigma.backup" in said.err
    assert main(["ledger", "verify", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True


def test_json_is_one_document(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backup", "sigma.backup", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["format"], made["accounts"][0]["name"], made["tables"]["tape"]) == (1, "main", 130)
    assert main(["restore", "sigma.backup", "--force", "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert (done["accounts"][0]["ok"], done["accounts"][0]["minutes"]) == (True, 130)
    assert len(done["aside"]) == 1


def test_an_existing_file_is_only_replaced_with_force(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (ledger / "sigma.backup").write_text("precious")
    assert main(["backup", "sigma.backup"]) == 2
    assert "sigma.backup exists; --force replaces it" in capsys.readouterr().err
    assert (ledger / "sigma.backup").read_text() == "precious"
    assert main(["backup", "sigma.backup", "--force"]) == 0


def test_what_is_here_is_not_replaced_by_accident(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backup", "sigma.backup"]) == 0
    assert main(["restore", "sigma.backup"]) == 2
    assert "the database holds a ledger already (account main on builtin); --force" in capsys.readouterr().err


def test_where_there_is_no_ledger_one_line_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["backup", "sigma.backup"]) == 1
    said = capsys.readouterr().err
    assert "holds no ledger yet" in said
    assert said.count("\n") == 1
    assert list(tmp_path.glob("*.backup")) == []


def test_readers_wait_for_an_interrupted_restore(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (ledger / "state" / "restore.json").write_text("{}")
    assert main(["ledger", "trades"]) == 1
    assert "a restore was interrupted" in capsys.readouterr().err
