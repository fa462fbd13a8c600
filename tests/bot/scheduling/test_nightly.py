"""The night's work: minutes moved, yesterday compared, monitors asked; findings kept, people told, a training asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.clock import ManualClock
from bot.retraining.child_process import Ended, Limits
from bot.scheduling.nightly import NightLedger, Nightly, check_runner, nightly_jobs
from storage.config.training import ScheduleSettings
from storage.ledger.monitor_findings import latest
from strategies.errors import BadInput
from strategies.market import DAY_MS, MINUTE_MS
from tests.bot.trading.world import minutes, new_database, new_engine, opened, trade
from tests.builders import START_MS

NOW_MS = START_MS + 2 * DAY_MS + 3_600_000


@dataclass
class Night:
    """A night whose children answer what the test says."""

    answers: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    asked: list[list[str]] = field(default_factory=list)
    told: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    trainings: list[str] = field(default_factory=list)

    async def run(self, arguments: list[str]) -> Ended:
        self.asked.append(arguments)
        document = self.answers[arguments[0]]
        return Ended(code=0, document=document, cause="" if document else "was killed by SIGKILL", last_lines=())

    async def note(self, event: str, key: str, payload: Mapping[str, Any], ms: int) -> bool:
        self.told.append((event, payload))
        return True

    async def on_drift(self, found: str) -> bool:
        self.trainings.append(found)
        return True

    def nightly(self, folder: Path, count: int = 2 * 1440 + 60, reached_ms: int = NOW_MS) -> Nightly:
        database, engine = new_database(folder), new_engine()
        self.database, (self.account, journal) = database, opened(database, engine)
        trade(engine, journal, minutes(count))
        return Nightly(
            ledger=NightLedger(
                database=database,
                account=self.account,
                reached_ms=lambda: reached_ms,
                state_folder=folder,
                tape_days=1.0,
            ),
            clock=ManualClock(NOW_MS),
            run=self.run,
            note=self.note,
            on_drift=self.on_drift,
        )


async def test_whole_days_older_than_the_limit_are_moved(tmp_path: Path) -> None:
    nightly = Night().nightly(tmp_path)
    assert await nightly.compact("scheduled") == "1 day, 1,440 minutes moved"
    assert await nightly.compact("scheduled") == "nothing to move"


async def test_an_identical_day_is_kept_and_nobody_is_woken(tmp_path: Path) -> None:
    night = Night({"parity": {"identical": True, "explained": True, "sentence": "identical"}})
    assert await night.nightly(tmp_path, 60).parity("scheduled") == "identical"
    assert night.asked == [["parity", "--day", "2025-01-02"]]
    assert night.told == []
    kept = latest(night.database, night.account, "parity")
    assert kept is not None
    assert (kept.ms, kept.passed, kept.sentence) == (START_MS + DAY_MS, True, "identical")


async def test_a_ledger_that_lags_is_compared_as_far_as_it_has_come(tmp_path: Path) -> None:
    night = Night({"parity": {"identical": True, "explained": True, "sentence": "identical"}})
    last_of_day = START_MS + DAY_MS - MINUTE_MS
    assert (
        await night.nightly(tmp_path, 60, last_of_day - MINUTE_MS).parity("scheduled")
        == "the account has no whole day yet"
    )
    assert night.asked == []
    await night.nightly(tmp_path / "again", 60, last_of_day).parity("scheduled")
    assert night.asked == [["parity", "--day", "2025-01-01"]]


async def test_a_difference_is_told_and_an_unexplained_one_does_not_pass(tmp_path: Path) -> None:
    night = Night({"parity": {"identical": False, "explained": False, "sentence": "1 of 3 trades differs"}})
    await night.nightly(tmp_path, 60).parity("scheduled")
    assert [(event, payload["passed"]) for event, payload in night.told] == [("parity", False)]


@pytest.mark.parametrize("wants", [True, False])
async def test_drift_is_told_and_asks_for_a_training_where_it_should(tmp_path: Path, wants: bool) -> None:
    night = Night({"drift": {"drifted": True, "wants_training": wants, "sentence": "2 of 25 features moved"}})
    said = await night.nightly(tmp_path, 60).drift("scheduled")
    assert ("retraining begins" in said) is wants
    assert night.trainings == ["2 of 25 features moved"] * wants
    assert [event for event, _ in night.told] == ["drift"]


async def test_a_check_that_dies_is_an_outcome_with_its_cause(tmp_path: Path) -> None:
    night = Night({"drift": None})
    with pytest.raises(BadInput, match="SIGKILL"):
        await night.nightly(tmp_path, 60).drift("scheduled")
    assert latest(night.database, night.account, "drift") is None


async def test_parity_and_drift_are_one_job_at_night(tmp_path: Path) -> None:
    quiet = {"drifted": False, "sentence": "no drift"}
    night = Night({"parity": {"identical": True, "explained": True, "sentence": "identical"}, "drift": quiet})
    compacting, checking, *_ = nightly_jobs(night.nightly(tmp_path, 60), ScheduleSettings())
    assert (compacting.name, checking.name) == ("compact", "parity")
    assert await checking.run("scheduled") == "identical; no drift"


async def test_a_real_child_compares_a_day_in_the_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from strategies.bundle.bundle import trend_bundle

    database, engine = new_database(tmp_path), new_engine(trend_bundle())
    _, journal = opened(database, engine)
    trade(engine, journal, minutes(1500))
    monkeypatch.setenv("SIGMA_DATABASE__URL", f"sqlite:///{tmp_path / 'ledger.db'}")
    monkeypatch.setenv("SIGMA_EXCHANGE__NAME", "builtin")
    monkeypatch.setenv("SIGMA_PATHS__MODELS", str(tmp_path / "models"))
    run = check_runner(Limits(nice=0))
    compared = await run(["parity", "--day", "2025-01-01"])
    assert compared.document is not None, compared.cause
    assert compared.document["identical"] is True
    shadow_bundle = await run(["drift"])
    assert shadow_bundle.document is not None, shadow_bundle.cause
    assert shadow_bundle.document["drifted"] is False
