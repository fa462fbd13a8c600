"""Backups by the daemon: real children write and read back, the oldest go only then, and whatever fails is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from bot.retraining.child_process import Ended
from bot.scheduling.backups import LEAST_APART_MS, Backups, _runner, backup_jobs
from storage.backup.container import unpacked
from storage.backup.kept import kept, made_ms, name_at, prune
from storage.config.market import BackupSettings
from storage.config.tree import Config, load
from strategies.errors import StorageFailed
from strategies.market import DAY_MS
from tests.bot.trading.world import minutes, new_database, new_engine, opened, trade

NIGHT_MS = 1_800_000_000_000


@dataclass
class Nights:
    """A clock of nights, and what people were told."""

    folder: Path
    now_ms: int = NIGHT_MS
    told: list[str] = field(default_factory=list)
    fails: str = ""

    async def note(self, event: str, _key: str, payload: Mapping[str, Any], _ms: int) -> bool:
        assert event == "backup"
        self.told.append(str(payload["text"]))
        return True

    async def run(self, arguments: list[str]) -> Ended:
        if self.fails:
            return Ended(code=1, document=None, cause=self.fails, last_lines=())
        Path(arguments[1]).write_bytes(b"a backup")  # noqa: ASYNC240
        return Ended(code=0, document={"bytes": 8}, cause="", last_lines=())

    def backups(self, keep: int = 3) -> Backups:
        return Backups(
            folder=self.folder,
            settings=BackupSettings(keep=keep),
            run=self.run,
            note=self.note,
            market_ms=lambda: 0,
            wall_ms=lambda: self.now_ms,
            begun_ms=NIGHT_MS,
        )


async def test_the_newest_are_kept_and_what_people_put_there_stays(tmp_path: Path) -> None:
    nights = Nights(folder=tmp_path / "backups")
    for _ in range(5):
        assert "written and read back" in await nights.backups().make("scheduled")
        (nights.folder / "mine.backup").touch()
        nights.now_ms += DAY_MS
    assert [made_ms(path) for path in kept(nights.folder)] == [NIGHT_MS + day * DAY_MS for day in (2, 3, 4)]
    assert (nights.folder / "mine.backup").exists()
    assert nights.told == []


async def test_one_that_fails_is_told_and_costs_none_of_before(tmp_path: Path) -> None:
    nights = Nights(folder=tmp_path)
    await nights.backups(keep=1).make("scheduled")
    nights.now_ms, nights.fails = NIGHT_MS + DAY_MS, "was killed by SIGKILL"
    with pytest.raises(StorageFailed, match="SIGKILL"):
        await nights.backups(keep=1).make("scheduled")
    assert [path.name for path in kept(tmp_path)] == [name_at(NIGHT_MS)]
    assert nights.told == [f"backup failed: was killed by SIGKILL; the newest is {name_at(NIGHT_MS)}, 24 h old"]


async def test_a_disk_that_the_ledger_needs_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nights = Nights(folder=tmp_path)
    free = type("Usage", (), {"free": 100 << 20})()
    monkeypatch.setattr("bot.scheduling.backups.shutil.disk_usage", lambda _folder: free)
    with pytest.raises(StorageFailed, match="MB are needed"):
        await nights.backups().make("scheduled")
    assert kept(tmp_path) == []
    assert len(nights.told) == 1


async def test_nights_of_a_demo_that_follow_at_once_make_one(tmp_path: Path) -> None:
    nights = Nights(folder=tmp_path)
    await nights.backups().make("scheduled")
    nights.now_ms += LEAST_APART_MS - 1
    assert (await nights.backups().make("scheduled")).startswith("skipped")
    nights.now_ms += 1_000
    await nights.backups().make("scheduled")
    assert len(kept(tmp_path)) == 2


async def test_an_old_newest_is_told_and_a_young_one_is_not(tmp_path: Path) -> None:
    nights = Nights(folder=tmp_path)
    nights.now_ms += 2 * DAY_MS
    await nights.backups().look("scheduled")
    assert nights.told == []
    nights.now_ms += 1
    await nights.backups().look("scheduled")
    assert "no backup was made for 2 periods" in nights.told[0]
    await nights.backups().make("scheduled")
    await nights.backups().look("scheduled")
    assert len(nights.told) == 1


async def test_the_child_writes_an_encrypted_backup_and_gets_its_passphrase(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, engine = new_database(tmp_path), new_engine()
    _, journal = opened(database, engine)
    trade(engine, journal, minutes(30))
    database.dispose()
    for name, value in {
        "DATABASE__URL": f"sqlite:///{tmp_path / 'ledger.db'}",
        "DATABASE__BACKUP_PASSPHRASE": "a long passphrase",
        "PATHS__STATE": str(tmp_path / "state"),
        "PATHS__MODELS": str(tmp_path / "models"),
        "WEB__TOKEN": "this is none of a child's business",
    }.items():
        monkeypatch.setenv(f"SIGMA_{name}", value)
    nights = Nights(folder=tmp_path / "backups")
    await replace(nights.backups(), run=_runner(load())).make("scheduled")
    (made,) = kept(nights.folder)
    with unpacked(made, "a long passphrase") as found:
        assert [part.name for part in found.manifest.accounts] == ["main"]
    assert made.stat().st_mode & 0o077 == 0
    assert (tmp_path / "state" / "last-backup").exists()


def test_none_is_made_where_none_is_kept() -> None:
    config = Config(backup=BackupSettings(keep=0))
    assert backup_jobs(config, Nights(folder=Path()).note, lambda: 0) == []


def test_names_that_are_no_time_are_nobodys(tmp_path: Path) -> None:
    for name in ("sigma-20271399T000000.backup", "sigma-.backup", "sigma-20270101T000000.backup.staged", "x"):
        (tmp_path / name).touch()
    assert kept(tmp_path) == []
    assert prune(tmp_path, 1) == []
    assert kept(tmp_path / "nowhere") == []
