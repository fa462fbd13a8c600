"""kill -9 of the daemon in the middle of a training: the child is gone, nothing half-made loads, the run is made up."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from bot.clock import ManualClock
from bot.retraining.promotion import close_interrupted
from bot.scheduling.schedule import Job, Schedule
from storage.ledger.accounts import find
from storage.ledger.database import connect
from storage.ledger.job_runs import JobRuns
from storage.models.registry import Registry
from strategies.bundle.bundle import load
from strategies.errors import BundleRefused
from strategies.market import HOUR_MS
from tests.bot.retraining.test_trainer import is_alive
from tests.bot.trading.world import new_database, new_engine, opened
from tests.builders import ROOT, START_MS

DAEMON = """
import asyncio, sys
from pathlib import Path
from bot.retraining.child_process import Limits
from bot.clock import ManualClock
from bot.retraining.trainer import Trainer
from storage.ledger.accounts import find
from storage.ledger.database import connect
from storage.ledger.job_runs import JobRuns

folder, now_ms = Path(sys.argv[1]), int(sys.argv[2])

async def nothing(_):
    return ""

async def main():
    database = connect(f"sqlite:///{folder / 'ledger.db'}")
    runs = JobRuns(database, find(database, "builtin", "main").id)
    trainer = Trainer(
        clock=ManualClock(now_ms), limits=Limits(), download=nothing,
        promote=nothing, runs=runs, command=lambda: [sys.executable, str(folder / "child.py"), str(folder)],
    )
    running = asyncio.create_task(trainer.run())
    runs.begin("retrain", now_ms)
    await trainer.start("scheduled")
    runs.end("retrain", now_ms, now_ms, "asked the trainer")
    while "half written" not in trainer.progress().line:
        await asyncio.sleep(0.01)
    print(trainer.progress().line, flush=True)
    await running

asyncio.run(main())
"""
CHILD = """
import os, sys
import storage.models.registry as registry
from storage.terminal import parent_watch as orphan

WITHOUT
orphan.end_with_parent()

def hang(stage, target):
    os.write(2, f"half written {os.getpid()}\\n".encode())
    while True:
        pass

registry.os.rename = hang
registry.Registry(sys.argv[1] + "/models").add_files({"manifest.json": b"{", "ridge.json": b"{}"})
"""
WAYS = {
    "Linux and the pipe": "",
    "the pipe alone": "orphan.sys.platform = 'other'",
    "Linux alone": "orphan._end_with_stdin = lambda: None",
}


def killed_in_the_middle(folder: Path, without: str) -> int:
    """Run a daemon's trainer, kill -9 it while its child writes a bundle, and return the child's process id."""
    (folder / "daemon.py").write_text(DAEMON)
    (folder / "child.py").write_text(CHILD.replace("WITHOUT", without))
    command = [sys.executable, str(folder / "daemon.py"), str(folder), str(START_MS + HOUR_MS)]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    daemon = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder, env=environment)
    assert daemon.stdout is not None
    try:
        child = next(int(line.split()[-1]) for line in daemon.stdout if line.startswith("half written"))
        assert is_alive(child)
    finally:
        daemon.kill()
        daemon.wait()
    return child


@pytest.mark.timeout(120)
@pytest.mark.parametrize("way", WAYS)
async def test_a_training_ends_with_its_daemon_and_is_begun_again(tmp_path: Path, way: str) -> None:
    before = new_database(tmp_path)
    opened(before, new_engine())
    before.dispose()
    child = await asyncio.to_thread(killed_in_the_middle, tmp_path, WAYS[way])
    async with asyncio.timeout(60):
        while is_alive(child):  # noqa: ASYNC110 — the kernel ends it
            await asyncio.sleep(0.01)

    registry = Registry(tmp_path / "models")
    assert registry.ids() == []
    [staged] = (tmp_path / "models" / "bundles").glob(".b-*.staged")
    with pytest.raises(BundleRefused):
        load(staged)

    database = connect(f"sqlite:///{tmp_path / 'ledger.db'}")
    account = find(database, "builtin", "main")
    assert account is not None
    runs, asked = JobRuns(database, account.id), []
    assert close_interrupted(runs, START_MS + 2 * HOUR_MS)

    async def ask(why: str) -> str:
        asked.append(why)
        return "asked the trainer"

    clock = ManualClock(START_MS + 5 * HOUR_MS)
    job = Job(name="retrain", run=ask, cron="", every_h=2)
    schedule = asyncio.create_task(Schedule(clock=clock, runs=runs, jobs=[job], start_ms=START_MS).run())
    async with asyncio.timeout(60):
        while len(runs.recent("retrain")) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    schedule.cancel()
    await asyncio.wait([schedule])
    database.dispose()
    assert asked == ["scheduled, made up for 2 h later"]
