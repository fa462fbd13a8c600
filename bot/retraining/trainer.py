"""The embedded trainer: one retraining at a time, in a child process; a result becomes a promotion or a reason.

Nothing here can pause trading: whatever the child does, the worst that happens is an alert and the old bundle going
on. Each run is a row of `job_run`, written when it begins, so that one cut short by a crash is known after a restart.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Literal, Protocol

import structlog

from bot.clock import Clock
from bot.retraining.child_process import Limits, run_child
from bot.retraining.steps import point_of, step_of
from bot.values.callers import where
from bot.values.training import MOST_POINTS, LearningCurves, LearningPoint, State, TrainingProgress, check_cancel
from strategies.errors import AlreadyRunning, Conflict, SigmaError

JOB: Final = "training"


class Runs(Protocol):
    """Where runs are remembered."""

    def begin(self, name: str, started_ms: int) -> None: ...

    def end(self, name: str, started_ms: int, finished_ms: int, outcome: str) -> None: ...


Counted = Callable[[str, int, int], None]  # stage, done, total
Download = Callable[[Counted], Awaitable[None]]
Promote = Callable[[dict[str, Any]], Awaitable[str]]


class Trainer:
    """Runs what it is asked to run, one after the other.

    Args:
        clock: stamps what is reported.
        limits: of the child.
        command: the child's command line, made when a run starts.
        download: brings the candle store up to date first, and counts.
        promote: told the child's document; returns in words what came of it.
        runs: remembers them; None: nobody does.
        slot: held while the child runs; shared with other children of the daemon.
        on_end: told of every run that ended, whether it came to a bundle.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        limits: Limits,
        command: Callable[[], Sequence[str]],
        download: Download,
        promote: Promote,
        runs: Runs | None = None,
        slot: asyncio.Lock | None = None,
        on_end: Callable[[bool], None] = lambda _is_success: None,
    ) -> None:
        self._clock = clock
        self._limits = limits
        self._command = command
        self._download = download
        self._promote = promote
        self._runs = runs
        self._slot = slot or asyncio.Lock()
        self._on_end = on_end
        self._asked: asyncio.Queue[str] = asyncio.Queue(maxsize=1)
        self._running: asyncio.Task[tuple[str, str]] | None = None
        self._cancelled_by = ""
        self._progress = TrainingProgress()
        self._points: deque[LearningPoint] = deque(maxlen=MOST_POINTS)
        self._log = structlog.get_logger("trainer")

    def progress(self) -> TrainingProgress:
        """Return what is going on."""
        return self._progress

    def curves(self) -> LearningCurves:
        """Return how the models of this run, or of the last one, learnt."""
        return LearningCurves(points=list(self._points))

    async def start(self, why: str) -> None:
        """Ask for a run.

        Raises:
            AlreadyRunning: one is going on or waits.
        """
        if self._progress.state != "idle" or self._asked.full():
            raise AlreadyRunning(
                f"a training run is {self._progress.state} since {self._progress.started_ms}; one at a time"
            )
        self._asked.put_nowait(why)

    async def cancel(self, by: str) -> None:
        """End the run that is going on; its child is terminated, then killed. A promotion that began is finished.

        Raises:
            Conflict: there is none, or it is being promoted.
        """
        check_cancel(self._progress)
        if self._running is None:
            raise Conflict("no training is going on; there is nothing to cancel")
        self._cancelled_by = by
        self._running.cancel()

    async def run(self) -> None:
        """Serve requests until cancelled; a child that is running is ended with this task."""
        while True:
            why = await self._asked.get()
            started_ms = self._clock.now_ms()
            self._points.clear()
            self._progress = TrainingProgress(
                state="downloading",
                why=why,
                started_ms=started_ms,
                last_outcome=self._progress.last_outcome,
                last_bundle=self._progress.last_bundle,
            )
            self._log.info("training begins", why=why)
            await self._remember("begin", started_ms)
            outcome, bundle = await self._supervise()
            finished_ms = self._clock.now_ms()
            await self._remember("end", started_ms, finished_ms, outcome)
            self._progress = TrainingProgress(
                last_outcome=outcome,
                last_finished_ms=finished_ms,
                last_bundle=bundle or self._progress.last_bundle,
            )
            self._on_end(bool(bundle))
            self._log.info("training ended", outcome=outcome)

    async def _supervise(self) -> tuple[str, str]:
        """Run once in a task of its own, so that a person's cancellation ends the run and not the trainer."""
        self._cancelled_by = ""
        self._running = asyncio.create_task(self._run_once(), name="training-run")
        try:
            await asyncio.wait([self._running])
        except asyncio.CancelledError:
            self._running.cancel()
            await asyncio.wait([self._running])
            raise
        finally:
            ended, self._running = self._running, None
        if ended.cancelled():
            return f"cancelled {where(self._cancelled_by)}", ""
        return ended.result()

    async def _run_once(self) -> tuple[str, str]:
        try:
            await self._download(self._count)
            self._enter("waiting")
            async with self._slot:
                self._enter("training")
                ended = await run_child(self._command(), self._limits, self._hear, program=())
            if ended.document is None:
                return f"failed: {ended.cause}", ""
            self._enter("promoting")
            return await self._promote(ended.document), str(ended.document.get("bundle", ""))
        except SigmaError as error:
            return f"failed: {error}", ""
        except Exception as error:  # a task boundary: a trainer's fault must not end the daemon
            self._log.exception("training failed")
            return f"failed: {type(error).__name__}: {error}", ""

    async def _remember(self, what: Literal["begin", "end"], *values: Any) -> None:
        if self._runs is None:
            return
        try:
            await asyncio.to_thread(getattr(self._runs, what), JOB, *values)
        except SigmaError as error:
            self._log.error("training run not recorded", error=str(error))

    def _enter(self, state: State) -> None:
        self._progress = self._progress.after(state=state, line="", stage="", done=0, total=0, eta_s=None)

    def _count(self, stage: str, done: int, total: int, eta_s: float | None = None) -> None:
        self._progress = self._progress.after(stage=stage, done=done, total=total, eta_s=eta_s)

    def _hear(self, line: str) -> None:
        """Take a line of the child: a step as JSON, or words."""
        self._log.debug("training", line=line)
        point, step = point_of(line), step_of(line)
        if point is not None:
            self._points.append(point)
        elif step is None:
            self._progress = self._progress.after(line=line)
        else:
            self._count(*step)
