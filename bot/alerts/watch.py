"""Alerts outside account minutes: a feed that is broken or healthy again, a training that began or ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

import structlog

from bot.alerts.alerts import Alerts
from bot.retraining.trainer import JOB
from bot.trading.control import Control
from storage.ledger.job_runs import JobRuns
from strategies.errors import SigmaError

EVERY_S: Final = 1.0
PATIENCE_S: Final = 30.0  # a gap that is filled sooner is nobody's business
CANDLES: Final = "candles"
EARLIER_RUNS: Final = 2
CUT_SHORT: Final = "cut short: the daemon ended"

Sleep = Callable[[float], Awaitable[None]]


class Watch(Protocol):
    """Something that is looked at every second."""

    async def look(self, passed_s: float) -> None: ...


class FeedWatch:
    """Notes trouble that lasts, once, and its end. `look` takes the seconds since it was called before.

    A stream that is down holds no entry back as long as its candles come by request: only what the account's minutes
    lack is told to hold entries, and where that begins later it is told then.
    """

    def __init__(self, control: Control, alerts: Alerts, patience_s: float = PATIENCE_S) -> None:
        self._control = control
        self._alerts = alerts
        self._patience_s = patience_s
        self._broken_s: dict[str, float] = {}
        self._told: dict[str, bool] = {}  # whether entries were said to be held
        self._conditions_s: dict[str, float] = {}  # how long each has been there

    async def look(self, passed_s: float) -> None:
        """Note what has been broken for longer than the patience, or has recovered."""
        await self._look_at_conditions(passed_s)
        for what, is_healthy in self._states().items():
            if is_healthy:
                await self._recovered(what)
                continue
            self._broken_s[what] = self._broken_s.get(what, 0.0) + passed_s
            if self._broken_s[what] < self._patience_s:
                continue
            holds_entries = self._holds_entries(what)
            if what not in self._told or (holds_entries and not self._told[what]):
                self._told[what] = holds_entries
                await self._note("trouble", what, self._broken_s[what], holds_entries=holds_entries)

    async def _look_at_conditions(self, passed_s: float) -> None:
        """Tell of what concerns the whole feed at once, when it begins and when it ends."""
        now = self._control.feed.conditions
        for what, text in now.items():
            self._conditions_s[what] = self._conditions_s.get(what, -passed_s) + passed_s
            if self._conditions_s[what] == 0.0:
                await self._note("condition", what, 0.0, text)
        for what in [what for what in self._conditions_s if what not in now]:
            await self._note("recovered", what, self._conditions_s.pop(what))

    def _states(self) -> dict[str, bool]:
        states = dict(self._control.feed.ready)
        if self._control.snapshot is not None:
            states[CANDLES] = self._control.is_fresh()
        return states

    def _holds_entries(self, what: str) -> bool:
        """Return whether no entry is taken there, by what the account's last minute had."""
        snapshot = self._control.snapshot
        if what == CANDLES or snapshot is None or not self._control.is_fresh():
            return True
        present = dict(zip((market.symbol for market in self._control.markets), snapshot.present, strict=False))
        return not present.get(what, False)

    async def _recovered(self, what: str) -> None:
        lasted_s = self._broken_s.pop(what, 0.0)
        if what in self._told:
            del self._told[what]
            await self._note("recovered", what, lasted_s)

    async def _note(self, kind: str, what: str, seconds: float, text: str = "", **more: bool) -> None:
        now_ms = self._control.clock.now_ms()
        said = {"text": text} if text else {}
        payload: dict[str, Any] = {"type": kind, "what": what, "seconds": seconds} | said | more
        await self._alerts.note("feed", f"feed:{what}:{kind}:{now_ms}", payload, now_ms)


class TrainingWatch:
    """Notes the beginning and the end of every training run, also of one that the end of the program cut short.

    Args:
        control: knows what the trainer is doing.
        alerts: takes the notes.
        runs: remember the runs of before; None: nobody does.
    """

    def __init__(self, control: Control, alerts: Alerts, runs: JobRuns | None = None) -> None:
        self._control = control
        self._alerts = alerts
        self._runs = runs
        self._noted: set[str] = set()

    async def look(self, passed_s: float) -> None:
        """Note what the progress says, once."""
        progress = self._control.training.progress()
        if self._runs is not None:
            await self._note_earlier(self._runs, progress.started_ms if progress.is_busy else 0)
            self._runs = None
        if progress.is_busy and progress.started_ms:
            await self._note("began", progress.started_ms, {"why": progress.why})
        if progress.last_finished_ms:
            found = {"outcome": progress.last_outcome, "bundle": progress.last_bundle}
            await self._note("ended", progress.last_finished_ms, found)

    async def _note_earlier(self, runs: JobRuns, running_ms: int) -> None:
        """Note the end of the runs before this start: one that was told is not told again, for it has its key."""
        for run in reversed(await asyncio.to_thread(runs.recent, JOB, EARLIER_RUNS)):
            if run.started_ms == running_ms:
                continue
            finished_ms, outcome = run.finished_ms, run.outcome or ""
            if finished_ms is None:
                finished_ms, outcome = self._control.clock.now_ms(), CUT_SHORT
                await asyncio.to_thread(runs.end, JOB, run.started_ms, finished_ms, outcome)
            await self._note("ended", finished_ms, {"outcome": outcome, "bundle": ""})

    async def _note(self, kind: str, ms: int, payload: dict[str, Any]) -> None:
        key = f"training:{kind}:{ms}"
        if key not in self._noted:
            await self._alerts.note("training", key, {"type": kind} | payload, ms)
            self._noted.add(key)


async def watch(
    control: Control,
    alerts: Alerts,
    sleep: Sleep = asyncio.sleep,
    further: Sequence[Watch] = (),
    runs: JobRuns | None = None,
) -> None:
    """Look at feed, training and whatever `further` watches, every second until cancelled."""
    watches: list[Watch] = [FeedWatch(control, alerts), TrainingWatch(control, alerts, runs), *further]
    while True:
        await sleep(EVERY_S)
        try:
            for each in watches:
                await each.look(EVERY_S)
        except SigmaError as error:
            structlog.get_logger("alerts").warning("not noted, asked again soon", error=str(error))
