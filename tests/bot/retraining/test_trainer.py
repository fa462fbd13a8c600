"""The embedded trainer and its child: real processes that succeed, fail, hang, flood, die and are cancelled."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.clock import ManualClock
from bot.retraining.child_process import GIB, Ended, Limits, run_child
from bot.retraining.trainer import Counted, Trainer
from bot.values.training import TrainingProgress
from strategies.errors import AlreadyRunning, Conflict, ExchangeFailed, StorageFailed
from tests.bot.retraining.children import child

LIMITS = Limits(nice=5, memory_gb=0.25, threads=1, deadline_s=20)


async def ended(folder: Path, habit: str, limits: Limits = LIMITS) -> Ended:
    return await run_child(["retrain"], limits, lambda _: None, child(folder, habit))


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rsplit(")", 1)[1].split()[0] != "Z"


async def test_a_good_child_gives_its_document(tmp_path: Path) -> None:
    found = await ended(tmp_path, "good")
    assert found.cause == ""
    assert found.document is not None
    assert found.document["bundle"] == "b-1"


@pytest.mark.parametrize(
    ("habit", "cause"),
    [
        ("garbage", "printed 29 bytes that are no JSON document"),
        ("silent", "printed 0 bytes that are no JSON document"),
        ("failing", "sigma: found no candles; download or import some first"),
        ("killed", "was killed by SIGKILL, as the kernel does when memory runs out"),
        ("greedy", "filled its memory cap of 0.25 GB ([training] memory_gb); it said: MemoryError"),
    ],
)
async def test_a_child_that_fails_leaves_a_cause(tmp_path: Path, habit: str, cause: str) -> None:
    found = await ended(tmp_path, habit)
    assert found.document is None
    assert found.cause == cause


async def test_a_child_that_hangs_is_ended_at_its_deadline(tmp_path: Path) -> None:
    found = await ended(tmp_path, "hanging", Limits(deadline_s=5.0))
    assert found.document is None
    assert found.cause.startswith("passed its deadline")
    assert found.last_lines[0].startswith("waiting ")


async def test_a_child_that_ignores_sigterm_is_killed_with_its_own_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.retraining.child_process.TERM_WAIT_S", 0.3)
    found = await ended(tmp_path, "stubborn", Limits(deadline_s=5.0))
    assert found.cause.startswith("passed its deadline")
    pids = [int(line.split()[1]) for line in found.last_lines]
    assert len(pids) == 2
    async with asyncio.timeout(60):
        while any(map(is_alive, pids)):  # noqa: ASYNC110 — init reaps the grandchild
            await asyncio.sleep(0.01)


async def test_a_flood_of_output_neither_blocks_nor_fills_memory(tmp_path: Path) -> None:
    found = await ended(tmp_path, "loud")
    assert found.document is not None
    assert len(found.document["padding"]) == 1_000_000
    assert len(found.last_lines) <= 20


async def test_a_child_is_niced_capped_and_never_given_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGMA_TELEGRAM__TOKEN", "12:secret")
    found = (await ended(tmp_path, "telling")).document
    assert found is not None
    assert found["nice"] == os.getpriority(os.PRIO_PROCESS, 0) + 5
    assert found["memory"] == GIB // 4
    assert found["arguments"] == ["retrain", "--json"]
    assert found["variables"]["OMP_NUM_THREADS"] == found["variables"]["SIGMA_TRAINING__THREADS"] == "1"
    assert not [name for name in found["variables"] if "TOKEN" in name]


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="Linux alone knows tasks that run when nothing else does")
async def test_a_child_in_the_background_gives_way_at_once_and_leaves_a_core_to_the_daemon(tmp_path: Path) -> None:
    cores = sorted(os.sched_getaffinity(0))
    found = (await ended(tmp_path, "telling")).document
    assert found is not None
    assert (found["policy"], found["cores"]) == (os.SCHED_IDLE, cores[1:] or cores)
    found = (await ended(tmp_path, "telling", replace(LIMITS, background=False))).document
    assert found is not None
    assert (found["policy"], found["cores"]) == (os.sched_getscheduler(0), cores)


class KeptRuns:
    """Remembers runs in a list, or refuses to."""

    def __init__(self, *, is_full: bool = False) -> None:
        self.rows: list[tuple[str, int, str | None]] = []
        self._is_full = is_full

    def begin(self, name: str, started_ms: int) -> None:
        if self._is_full:
            raise StorageFailed("disk is full")
        self.rows.append((name, started_ms, None))

    def end(self, name: str, started_ms: int, finished_ms: int, outcome: str) -> None:
        if self._is_full:
            raise StorageFailed("disk is full")
        self.rows[-1] = (name, started_ms, outcome)


async def no_download(count: Counted) -> None:
    count("history of BTCUSDT", 1, 1)


async def accept(document: dict[str, Any]) -> str:
    return f"bundle {document['bundle']} rejected"


@asynccontextmanager
async def running(trainer: Trainer) -> AsyncIterator[Trainer]:
    task = asyncio.create_task(trainer.run(), name="trainer")
    try:
        yield trainer
    finally:
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()


def made_trainer(folder: Path, habit: str, runs: KeptRuns | None = None, **changed: Any) -> Trainer:
    given: dict[str, Any] = {
        "clock": ManualClock(1_000),
        "limits": LIMITS,
        "command": lambda: [*child(folder, habit), "retrain"],
        "download": no_download,
        "promote": accept,
        "runs": runs,
    }
    return Trainer(**(given | changed))


async def finished(trainer: Trainer) -> str:
    async with asyncio.timeout(60):
        while not trainer.progress().last_outcome or trainer.progress().state != "idle":  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return str(trainer.progress().last_outcome)


async def entered(trainer: Trainer, state: str, line: str = "") -> None:
    async with asyncio.timeout(60):
        while trainer.progress().state != state or line not in trainer.progress().line:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_a_run_is_recorded_with_its_outcome(tmp_path: Path) -> None:
    runs = KeptRuns()
    async with running(made_trainer(tmp_path, "good", runs)) as trainer:
        await trainer.start("asked for")
        assert await finished(trainer) == "bundle b-1 rejected"
    assert runs.rows == [("training", 1_000, "bundle b-1 rejected")]
    assert trainer.progress().last_bundle == "b-1"


async def test_progress_counts_the_childs_fits(tmp_path: Path) -> None:
    seen: list[TrainingProgress] = []

    async def look(document: dict[str, Any]) -> str:
        return "seen"

    trainer = made_trainer(tmp_path, "good", promote=look)
    hear = trainer._hear
    trainer._hear = lambda line: (hear(line), seen.append(trainer.progress()))[0]  # type: ignore[method-assign,func-returns-value]
    async with running(trainer):
        await trainer.start("asked for")
        await finished(trainer)
    assert [(step.done, step.total, step.eta_s) for step in seen] == [(1, 2, 1.0), (2, 2, 0.0)]
    assert (seen[0].fraction, seen[0].text) == (0.5, "fold 1 of 2: 1 of 2, about 1 s left")


async def test_one_at_a_time_and_the_next_one_after_a_failure(tmp_path: Path) -> None:
    async with running(made_trainer(tmp_path, "failing")) as trainer:
        await trainer.start("first")
        with pytest.raises(AlreadyRunning):
            await trainer.start("second")
        assert "found no candles" in await finished(trainer)
        await trainer.start("third")
        await entered(trainer, "training")
        assert trainer.progress().why == "third"


async def test_a_run_is_cancelled_by_hand_and_the_trainer_goes_on(tmp_path: Path) -> None:
    runs = KeptRuns()
    async with running(made_trainer(tmp_path, "hanging", runs)) as trainer:
        with pytest.raises(Conflict, match="no training is going on"):
            await trainer.cancel("cli")
        await trainer.start("first")
        await entered(trainer, "training", "waiting")
        await trainer.cancel("telegram:1")
        assert await finished(trainer) == "cancelled in Telegram chat 1"
        await trainer.start("again")
        await entered(trainer, "training")
    assert [outcome for _, _, outcome in runs.rows] == ["cancelled in Telegram chat 1", None]


async def test_stopping_the_daemon_ends_the_child(tmp_path: Path) -> None:
    async with running(made_trainer(tmp_path, "hanging", limits=Limits(deadline_s=60))) as trainer:
        await trainer.start("first")
        await entered(trainer, "training", "waiting")
        pid = int(trainer.progress().line.split()[1])
        assert is_alive(pid)
    async with asyncio.timeout(60):
        while is_alive(pid):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("fault", [ExchangeFailed("no route"), RuntimeError("a bug")])
async def test_a_download_that_fails_is_an_outcome(tmp_path: Path, fault: Exception) -> None:
    async def download(_say: Callable[[str], None]) -> None:
        raise fault

    async with running(made_trainer(tmp_path, "good", download=download)) as trainer:
        await trainer.start("first")
        assert str(fault) in await finished(trainer)


async def test_a_ledger_that_cannot_be_written_does_not_stop_the_training(tmp_path: Path) -> None:
    async with running(made_trainer(tmp_path, "good", KeptRuns(is_full=True))) as trainer:
        await trainer.start("first")
        assert await finished(trainer) == "bundle b-1 rejected"
