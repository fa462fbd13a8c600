"""What begins beside the trader waits for a database that is away just then, and does not end the daemon."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.clock import ManualClock
from bot.retraining.promotion import first_training
from bot.scheduling.schedule import Job, Schedule
from bot.trading.answered import answered
from storage.ledger.job_runs import JobRun, JobRuns
from strategies.errors import BadInput, StorageFailed
from tests.bot.trading.daemon_world import daemon_world
from tests.bot.trading.world import new_database, new_engine, opened


class Away:
    """Fails a few times, as a database that is locked."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self, *_: object) -> str:
        if self.left:
            self.left -= 1
            raise StorageFailed("the database is locked by another process")
        return "an answer"


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.trading.answered.LONGEST_WAIT_S", 0.0)


async def test_a_question_is_asked_until_it_is_answered() -> None:
    away = Away(7)
    assert await answered(away) == "an answer"
    assert away.left == 0


async def test_another_fault_is_raised_at_once() -> None:
    def question() -> None:
        raise BadInput("nothing of that name")

    with pytest.raises(BadInput):
        await answered(question)


class LockedRuns(JobRuns):
    """Cannot be read at first."""

    away = Away(0)

    def latest(self, name: str) -> JobRun | None:
        self.away()
        return super().latest(name)


async def test_a_schedule_begins_when_the_database_can_be_read(tmp_path: Path) -> None:
    database = new_database(tmp_path)
    account, _ = opened(database, new_engine())
    runs = LockedRuns(database, account.id)
    runs.away = Away(3)

    async def work(_why: str) -> str:
        return "done"

    job = Job(name="nightly", run=work, cron="40 0 * * *")
    schedule = Schedule(clock=ManualClock(account.start_ms), runs=runs, jobs=[job], start_ms=account.start_ms)
    running = asyncio.create_task(schedule.run())
    try:
        async with asyncio.timeout(60):
            while not schedule.due_ms():  # noqa: ASYNC110
                await asyncio.sleep(0.002)
    finally:
        running.cancel()
        await asyncio.wait([running])
        database.dispose()
    assert runs.away.left == 0


async def test_the_first_training_is_asked_for_when_the_database_can_be_read(tmp_path: Path) -> None:
    async with daemon_world(tmp_path) as world:
        ledger = world.control.ledger
        runs = LockedRuns(ledger.database, ledger.account.id)
        runs.away = Away(2)
        await first_training(world.control, runs, wanted=True, catch_up=True)
        assert runs.away.left == 0
