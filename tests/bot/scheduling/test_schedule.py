"""When jobs run, in market time: cron, intervals, restarts, faults. The clock is moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.clock import ManualClock, ScaledClock
from bot.retraining.promotion import close_interrupted, first_training, on_drift
from bot.scheduling.jobs import retrain_job
from bot.scheduling.schedule import Job, Schedule
from storage.config.training import ScheduleSettings
from storage.cron import next_cron_ms
from storage.ledger.job_runs import JobRuns
from storage.models.promotion import Promotion
from strategies.errors import AlreadyRunning, BadInput, SigmaError
from strategies.market import DAY_MS, HOUR_MS
from tests.bot.trading.daemon_world import daemon_world
from tests.bot.trading.world import new_database, new_engine, opened
from tests.builders import START_MS


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.fixture
def runs(tmp_path: Path):
    database = new_database(tmp_path)
    account, _ = opened(database, new_engine())
    yield JobRuns(database, account.id)
    database.dispose()


class Work:
    """A job that notes when it ran, and fails when told to."""

    def __init__(self, clock: ManualClock) -> None:
        self.at: list[int] = []
        self.why: list[str] = []
        self.faults: list[Exception] = []
        self._clock = clock

    async def __call__(self, why: str) -> str:
        self.at.append(self._clock.now_ms())
        self.why.append(why)
        if self.faults:
            raise self.faults.pop()
        return "done"


@asynccontextmanager
async def scheduled(clock: ManualClock, runs: JobRuns, job: Job, start_ms: int) -> AsyncIterator[Schedule]:
    schedule = Schedule(clock=clock, runs=runs, jobs=[job], start_ms=start_ms)
    task = asyncio.create_task(schedule.run(), name="schedule")
    try:
        await due(schedule)
        yield schedule
    finally:
        task.cancel()
        await asyncio.wait([task])


async def due(schedule: Schedule, after_ms: int = -1) -> int:
    """Wait until the job is armed for a time after `after_ms`."""
    async with asyncio.timeout(60):
        while max(schedule.due_ms().values(), default=-1) <= after_ms:  # noqa: ASYNC110
            await asyncio.sleep(0.002)
    return max(schedule.due_ms().values())


async def step(clock: ManualClock, schedule: Schedule, days: int) -> None:
    """Move the clock to each due time in turn for `days`."""
    until_ms = clock.now_ms() + days * DAY_MS
    while (at_ms := await due(schedule)) <= until_ms:
        clock.set(at_ms)
        await due(schedule, at_ms)
    clock.set(until_ms)


async def test_a_cron_line_runs_in_market_time(runs: JobRuns) -> None:
    start_ms = ms("2024-01-10 12:00")
    clock = ManualClock(start_ms)
    work = Work(clock)
    async with scheduled(clock, runs, Job(name="retrain", run=work, cron="0 3 1 * *"), start_ms) as schedule:
        await step(clock, schedule, 60)
    assert work.at == [ms("2024-02-01 03:00"), ms("2024-03-01 03:00")]
    assert work.why == ["scheduled", "scheduled"]
    assert [run.outcome for run in runs.recent("retrain")] == ["done", "done"]


async def test_an_interval_replaces_the_cron_line(runs: JobRuns) -> None:
    start_ms = ms("2024-01-10 12:34")
    clock = ManualClock(start_ms)
    work = Work(clock)
    job = Job(name="retrain", run=work, cron="0 3 1 * *", every_h=36)
    async with scheduled(clock, runs, job, start_ms) as schedule:
        await step(clock, schedule, 5)
    assert work.at == [start_ms + number * 36 * HOUR_MS for number in (1, 2, 3)]


async def test_a_missed_run_is_made_up_for_once_after_a_restart(runs: JobRuns) -> None:
    runs.begin("retrain", ms("2024-01-01 03:00"))
    runs.end("retrain", ms("2024-01-01 03:00"), ms("2024-01-01 03:10"), "done")
    clock = ManualClock(ms("2024-04-20 00:00"))
    work = Work(clock)
    async with scheduled(clock, runs, Job(name="retrain", run=work, cron="0 3 1 * *"), 0) as schedule:
        assert await due(schedule, clock.now_ms()) == ms("2024-05-01 03:00")
    assert work.at == [clock.now_ms()]
    assert "made up for" in work.why[0]


async def test_nothing_is_made_up_for_where_that_is_switched_off_or_nothing_was_missed(runs: JobRuns) -> None:
    clock = ManualClock(ms("2024-04-20 00:00"))
    work = Work(clock)
    job = Job(name="retrain", run=work, cron="0 3 1 * *", catches_up=False)
    async with scheduled(clock, runs, job, 0) as schedule:
        assert await due(schedule) == ms("2024-05-01 03:00")
    runs.begin("retrain", ms("2024-04-01 03:00"))
    async with scheduled(clock, runs, Job(name="retrain", run=work, cron="0 3 1 * *"), 0) as schedule:
        assert await due(schedule) == ms("2024-05-01 03:00")
    assert work.at == []


@pytest.mark.parametrize("fault", [SigmaError("no candles"), ZeroDivisionError("a bug")])
async def test_a_job_that_fails_is_an_outcome_and_comes_again(runs: JobRuns, fault: Exception) -> None:
    start_ms = ms("2024-01-10 00:00")
    clock = ManualClock(start_ms)
    work = Work(clock)
    work.faults.append(fault)
    async with scheduled(clock, runs, Job(name="nightly", run=work, cron="40 0 * * *"), start_ms) as schedule:
        await step(clock, schedule, 2)
    assert len(work.at) == 2
    newest, before = runs.recent("nightly")
    assert newest.outcome == "done"
    assert str(fault) in str(before.outcome)


async def test_a_run_that_the_daemon_stops_is_no_error(runs: JobRuns, caplog: pytest.LogCaptureFixture) -> None:
    start_ms = ms("2024-01-31 00:00")
    clock = ManualClock(start_ms)
    begun, stopped = asyncio.Event(), asyncio.Event()

    async def endless(_why: str) -> str:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        return "never"

    async with scheduled(clock, runs, Job(name="parity", run=endless, cron="0 3 1 * *"), start_ms):
        clock.set(ms("2024-02-01 03:00"))
        async with asyncio.timeout(60):
            await begun.wait()
    async with asyncio.timeout(60):
        await stopped.wait()
    await asyncio.sleep(0)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
    assert runs.recent("parity")[0].outcome is None


async def test_a_scaled_clock_brings_a_month_in_no_time(runs: JobRuns) -> None:
    start_ms = ms("2024-01-31 00:00")
    clock = ScaledClock(start_ms, 2_000_000.0)
    ran: list[int] = []

    async def note(_why: str) -> str:
        ran.append(clock.now_ms())
        return "done"

    schedule = Schedule(
        clock=clock, runs=runs, jobs=[Job(name="retrain", run=note, cron="0 3 1 * *")], start_ms=start_ms
    )
    task = asyncio.create_task(schedule.run(), name="schedule")
    async with asyncio.timeout(60):
        while not ran:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    task.cancel()
    await asyncio.wait([task])
    assert ran[0] >= ms("2024-02-01 03:00")


def test_weekdays_count_as_cron_counts_them() -> None:
    wednesday = ms("2024-01-10 12:00")
    assert next_cron_ms("0 3 * * 0", wednesday) == next_cron_ms("0 3 * * sun", wednesday) == ms("2024-01-14 03:00")
    assert next_cron_ms("0 3 * * 1-5", ms("2024-01-13 00:00")) == ms("2024-01-15 03:00")
    assert next_cron_ms("0 3 * * 7", wednesday) == ms("2024-01-14 03:00")


@pytest.mark.parametrize("line", ["0 3 1 *", "61 3 1 * *", "every day", "0 0 30 2 *"])
async def test_a_cron_line_that_cannot_be_read_is_refused_at_the_start(line: str, runs: JobRuns) -> None:
    async def nothing(_why: str) -> str:
        return ""

    with pytest.raises(BadInput, match="cron line"):
        Schedule(clock=ManualClock(), runs=runs, jobs=[Job(name="x", run=nothing, cron=line)], start_ms=0)


async def test_a_training_cut_short_is_closed_and_begun_again(tmp_path: Path) -> None:
    async with daemon_world(tmp_path) as world:
        runs = JobRuns(world.control.ledger._engine, world.control.ledger.account.id)
        runs.begin("training", START_MS - HOUR_MS)
        world.control._last_move = Promotion(bundle="b-1", since_ms=START_MS, why="passed")
        await first_training(world.control, runs, wanted=True, catch_up=True)
        assert world.training.asked == ["a restart cut the last training short"]
        assert runs.latest("training").outcome == "cut short: the daemon ended"  # type: ignore[union-attr]
        assert not close_interrupted(runs, START_MS)
        await first_training(world.control, runs, wanted=True, catch_up=True)
        assert len(world.training.asked) == 1


async def test_a_first_bundle_is_asked_for_where_none_decides(tmp_path: Path) -> None:
    async with daemon_world(tmp_path) as world:
        runs = JobRuns(world.control.ledger._engine, world.control.ledger.account.id)
        await first_training(world.control, runs, wanted=False, catch_up=True)
        assert world.training.asked == []
        await first_training(world.control, runs, wanted=True, catch_up=True)
        assert world.training.asked == ["no bundle decides yet"]


async def test_the_retraining_job_skips_while_a_training_goes_on_and_drift_asks_only_when_allowed(
    tmp_path: Path,
) -> None:
    async with daemon_world(tmp_path) as world:
        job = retrain_job(world.control, ScheduleSettings(retrain_every_h=12))
        assert job.every_h == 12
        assert await job.run("scheduled") == "asked the trainer"
        assert await on_drift(world.control, ScheduleSettings(), "momentum_24")
        assert not await on_drift(world.control, ScheduleSettings(retrain_on_drift=False), "momentum_24")
        assert world.training.asked == ["scheduled", "drift: momentum_24"]

        async def busy(_why: str) -> None:
            raise AlreadyRunning("a training run is training; one at a time")

        world.training.start = busy  # type: ignore[method-assign,assignment]
        assert (await job.run("scheduled")).startswith("skipped: ")
        assert not await on_drift(world.control, ScheduleSettings(), "momentum_24")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("0 3 * * 1-5/2", ["Fri27", "Mon30", "Wed02"]),
        ("0 3 * * */2", ["Thu26", "Sat28", "Sun29"]),
        ("0 3 * * 0-4", ["Thu26", "Sun29", "Mon30"]),
        ("0 3 * * 0-6", ["Thu26", "Fri27", "Sat28"]),
        ("0 3 * * 1-7", ["Thu26", "Fri27", "Sat28"]),
        ("0 3 * * 5-7", ["Fri27", "Sat28", "Sun29"]),
        ("0 3 * * fri-sun", ["Fri27", "Sat28", "Sun29"]),
        ("0 3 * * MON,5", ["Fri27", "Mon30", "Fri04"]),
        ("0 3 1 * 1", ["Mon30", "Tue01", "Mon07"]),
        ("0 3 */10 * 1", ["Mon21", "Mon11", "Mon01"]),
        ("0 3 31 2 1", ["Mon01", "Mon08", "Mon15"]),
    ],
)
def test_weekdays_mean_what_cron_means(line: str, expected: list[str]) -> None:
    at_ms, found = ms("2026-11-25 12:00"), []
    for _ in expected:
        at_ms = next_cron_ms(line, at_ms)
        found.append(datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%a%d"))
    assert found == expected


@pytest.mark.parametrize(
    "line", ["0 3 * * 8", "0 3 * * 5-1", "0 3 * * 1/0", "0 3 * * caturday", "0 3 * * ,", "0 3 * *", "* " * 400]
)
def test_a_weekday_that_is_none_is_refused(line: str) -> None:
    with pytest.raises(BadInput, match="cron line"):
        next_cron_ms(line, 0)
