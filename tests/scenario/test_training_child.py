"""A trainer child that is killed, hangs, prints garbage or fills its memory: trading unaffected, cause recorded,
next run intact.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot.clock import ManualClock
from bot.retraining.child_process import Limits
from bot.retraining.trainer import Trainer
from bot.scheduling.schedule import Job, Schedule
from storage.ledger.job_runs import JobRuns
from storage.ledger.verify import verify
from strategies.errors import BundleRefused
from strategies.market import HOUR_MS
from tests.bot.retraining.children import child
from tests.bot.trading.daemon_world import daemon_world
from tests.bot.trading.world import body_bundle, minutes
from tests.builders import START_MS

LIMITS = Limits(nice=5, memory_gb=0.25, deadline_s=1.5)
CAUSES = {
    "killed": "failed: was killed by SIGKILL",
    "hanging": "failed: passed its deadline",
    "garbage": "failed: printed 29 bytes that are no JSON document",
    "greedy": "failed: filled its memory cap of 0.25 GB",
    "failing": "failed: sigma: found no candles",
}


async def nothing_new(_say: Any) -> None:
    """The candle store is up to date."""


async def refuse(document: dict[str, Any]) -> str:
    raise BundleRefused(f"bundle {document['bundle']} does not repeat its probes")


@pytest.mark.parametrize("habit", CAUSES)
async def test_trading_goes_on_and_the_next_run_comes(tmp_path: Path, habit: str) -> None:
    taken = minutes(2 * 60)
    async with daemon_world(tmp_path) as world:
        ledger = world.control.ledger
        runs = JobRuns(ledger._engine, ledger.account.id)
        clock = ManualClock(START_MS)
        trainer = Trainer(
            clock=clock,
            limits=LIMITS,
            command=lambda: [*child(tmp_path, habit), "retrain"],
            download=nothing_new,
            promote=refuse,
            runs=runs,
        )

        async def ask(why: str) -> str:
            await trainer.start(why)
            return "asked the trainer"

        job = Job(name="retrain", run=ask, cron="0 3 1 * *", every_h=1)
        schedule = Schedule(clock=clock, runs=runs, jobs=[job], start_ms=START_MS)
        tasks = [asyncio.create_task(trainer.run()), asyncio.create_task(schedule.run())]
        for hour in range(2):
            await world.hand(*taken[hour * 60 : (hour + 1) * 60])
            clock.set(START_MS + (hour + 1) * HOUR_MS)
            await ended(trainer, runs, hour + 1)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        found = verify(ledger._engine, ledger.account, lambda _: body_bundle())
        outcomes = [run.outcome for run in runs.recent("training")]
        scheduled = [run.outcome for run in runs.recent("retrain")]
    assert len(outcomes) == 2
    assert all(str(outcome).startswith(CAUSES[habit]) for outcome in outcomes)
    assert scheduled == ["asked the trainer"] * 2
    assert found.minutes == len(taken)
    assert found.differences == []


async def ended(trainer: Trainer, runs: JobRuns, count: int) -> None:
    """Wait until so many trainings are over."""
    async with asyncio.timeout(60):
        while len(runs.recent("training")) < count or trainer.progress().state != "idle":  # noqa: ASYNC110
            await asyncio.sleep(0.01)
