"""The embedded trainer: one retraining at a time, in a child process; a result becomes a promotion or a reason.

Nothing here can pause trading: whatever the child does, the worst that happens is an alert and the old bundle going on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import structlog

from bot.child import Limits, run_training
from bot.clock import Clock
from strategies.errors import AlreadyRunning, SigmaError


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What the trainer is doing. `state`: idle, downloading, training, promoting."""

    state: str = "idle"
    why: str = ""
    started_ms: int = 0
    line: str = ""
    last_outcome: str = ""
    last_finished_ms: int = 0
    last_bundle: str = ""


Download = Callable[[Callable[[str], None]], Awaitable[None]]
Promote = Callable[[dict[str, Any]], Awaitable[str]]


class Trainer:
    """Runs what it is asked to run, one after the other.

    Args:
        clock: stamps what is reported.
        limits: of the child.
        arguments: of `python -m training`, made when a run starts.
        download: brings the candle store up to date first.
        promote: told the child's document; returns in words what came of it.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        limits: Limits,
        arguments: Callable[[], list[str]],
        download: Download,
        promote: Promote,
    ) -> None:
        self._clock = clock
        self._limits = limits
        self._arguments = arguments
        self._download = download
        self._promote = promote
        self._asked: asyncio.Queue[str] = asyncio.Queue(maxsize=1)
        self._progress = Progress()
        self._log = structlog.get_logger("trainer")

    def progress(self) -> dict[str, Any]:
        """Return what is going on, as plain JSON."""
        return {name: getattr(self._progress, name) for name in Progress.__slots__}

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

    async def run(self) -> None:
        """Serve requests until cancelled; a child that is running is ended with this task."""
        while True:
            why = await self._asked.get()
            self._progress = Progress(
                state="downloading",
                why=why,
                started_ms=self._clock.now_ms(),
                last_outcome=self._progress.last_outcome,
                last_bundle=self._progress.last_bundle,
            )
            self._log.info("training begins", why=why)
            outcome, bundle = await self._run_once()
            self._progress = Progress(
                last_outcome=outcome,
                last_finished_ms=self._clock.now_ms(),
                last_bundle=bundle or self._progress.last_bundle,
            )
            self._log.info("training ended", outcome=outcome)

    async def _run_once(self) -> tuple[str, str]:
        try:
            await self._download(self._say)
            self._enter("training")
            ended = await run_training(self._arguments(), self._limits, self._say)
            if ended.document is None:
                return f"failed: {ended.cause}", ""
            self._enter("promoting")
            return await self._promote(ended.document), str(ended.document.get("bundle", ""))
        except SigmaError as error:
            return f"failed: {error}", ""

    def _enter(self, state: str) -> None:
        self._progress = replace(self._progress, state=state, line="")

    def _say(self, line: str) -> None:
        self._progress = replace(self._progress, line=line)
        self._log.debug("training", line=line)
