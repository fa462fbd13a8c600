"""Schedule, in market time: cron lines and intervals, missed runs made up for once.

APScheduler reads the wall clock, so the market's clock says *when*: a job waits for the next time of its trigger there
and is then handed to the scheduler (memory store) to be run at once, without a misfire limit and one at a time. What
a restart must know stands in `job_run`. A job that fails is an outcome, never the end of the daemon.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Final, Protocol

import structlog
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger

from bot.clock import Clock
from bot.operations.freed_memory import give_back_memory
from bot.trading.answered import answered
from storage.cron import next_cron_ms
from storage.ledger.job_runs import JobRun
from strategies.errors import SigmaError
from strategies.market import HOUR_MS

RETRAIN: Final = "retrain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Something to do at certain times.

    Attributes:
        run: told why; returns in words what came of it.
        cron: minute, hour, day, month, weekday, in UTC market time.
        every_h: hours between runs; above 0 it replaces the cron line.
        catches_up: a run missed while the daemon was down is made up for, once.
        later_ms: by which the cron line is meant later: accounts of one daemon take their turns.
    """

    name: str
    run: Callable[[str], Awaitable[str]]
    cron: str
    every_h: float = 0.0
    catches_up: bool = True
    later_ms: int = 0

    def next_ms(self, after_ms: int) -> int:
        """Return the first time of the job after `after_ms`.

        Raises:
            BadInput: the cron line cannot be read, or never comes.
        """
        if self.every_h > 0:
            return after_ms + round(self.every_h * HOUR_MS)
        return next_cron_ms(self.cron, after_ms - self.later_ms) + self.later_ms


class Runs(Protocol):
    """Where runs are remembered."""

    def begin(self, name: str, started_ms: int) -> None: ...

    def end(self, name: str, started_ms: int, finished_ms: int, outcome: str) -> None: ...

    def latest(self, name: str) -> JobRun | None: ...


class Schedule:
    """Runs jobs when their market time comes.

    Args:
        clock: the market's.
        runs: remembers them.
        jobs: names must differ.
        start_ms: when the account began: an interval counts from here until a job has run.
    """

    def __init__(self, *, clock: Clock, runs: Runs, jobs: Sequence[Job], start_ms: int) -> None:
        for job in jobs:
            job.next_ms(start_ms)
        self._clock = clock
        self._runs = runs
        self._jobs = tuple(jobs)
        self._start_ms = start_ms
        self._scheduler = AsyncIOScheduler(
            jobstores={"default": MemoryJobStore()},
            timezone=UTC,
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        self._due_ms: dict[str, int] = {}
        self._log = structlog.get_logger("schedule")

    def due_ms(self) -> dict[str, int]:
        """Return when each job runs next, market time; empty before `run`."""
        return dict(self._due_ms)

    async def run(self) -> None:
        """Run jobs until cancelled; one that is running then is cancelled with it."""
        self._scheduler.start()
        try:
            async with asyncio.TaskGroup() as group:
                for job in self._jobs:
                    group.create_task(self._follow(job), name=f"schedule-{job.name}")
        finally:
            self._scheduler.shutdown(wait=False)

    async def _follow(self, job: Job) -> None:
        due_ms = await self._first_due(job)
        while True:
            self._due_ms[job.name] = due_ms
            await self._clock.sleep_until(due_ms)
            ended = asyncio.Event()
            self._scheduler.add_job(
                self._run, DateTrigger(), args=(job, due_ms, ended), id=job.name, replace_existing=True
            )
            await ended.wait()
            now_ms = self._clock.now_ms()
            due_ms = job.next_ms(due_ms if job.every_h > 0 else now_ms)
            if due_ms <= now_ms:  # an interval shorter than its work: from now on
                due_ms = job.next_ms(now_ms)

    async def _first_due(self, job: Job) -> int:
        now_ms = self._clock.now_ms()
        last = await answered(self._runs.latest, job.name)
        due_ms = job.next_ms(self._start_ms if last is None else last.started_ms)
        if due_ms > now_ms or job.catches_up:
            return due_ms
        return job.next_ms(now_ms)

    async def _run(self, job: Job, due_ms: int, ended: asyncio.Event) -> None:
        started_ms = self._clock.now_ms()
        late_h = (started_ms - due_ms) / HOUR_MS
        why = "scheduled" if late_h < 1 else f"scheduled, made up for {late_h:.0f} h later"
        try:
            await asyncio.to_thread(self._runs.begin, job.name, started_ms)
            outcome = await self._outcome(job, why)
            await asyncio.to_thread(self._runs.end, job.name, started_ms, self._clock.now_ms(), outcome)
            await asyncio.to_thread(give_back_memory)
        except SigmaError as error:
            self._log.error("scheduled run not recorded", job=job.name, error=str(error))
        except asyncio.CancelledError:  # this task is the job's own and ends here: APScheduler would call it an error
            self._log.info("scheduled run stopped with the daemon", job=job.name)
        finally:
            ended.set()

    async def _outcome(self, job: Job, why: str) -> str:
        try:
            return await job.run(why)
        except SigmaError as error:
            self._log.warning("scheduled run came to nothing", job=job.name, error=str(error))
            return f"failed: {error}"
        except Exception as error:  # a task boundary: one job's fault is not the daemon's end
            self._log.exception("scheduled run failed", job=job.name)
            return f"failed: {type(error).__name__}: {error}"
