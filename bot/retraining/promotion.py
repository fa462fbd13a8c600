"""Training runs of the daemon: fresh history, the child's arguments, and what its result comes to.

The gate's verdict says who is champion; the fallback policy's answer, in the same
document, says whether the champion trades.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from bot.clock import Clock
from bot.exchange import Exchange
from bot.retraining.child_limits import limits_of
from bot.retraining.child_process import CLI, run_child
from bot.retraining.shadowing import Shadowing
from bot.retraining.steps import step_of
from bot.retraining.trainer import JOB, Counted
from bot.trading.answered import answered
from bot.trading.control import Control
from storage.config.training import ScheduleSettings
from storage.config.tree import Config
from storage.ledger.job_runs import JobRuns
from strategies.bundle.fallback_names import TREND_ID, is_fallback
from strategies.bundle.fallback_policy import FallbackLevel, next_status
from strategies.errors import AlreadyRunning, BadInput, Conflict, ExchangeFailed, SigmaError
from strategies.market import DAY_MS

LONGEST_DOWNLOAD_S: Final = 24 * 3600.0  # 500 markets of many years, within an exchange's weight limit, take hours
STEPS: Final = ("promote", "shadow", "reject")
FALLBACK_LEVELS: Final[dict[FallbackLevel, str]] = {
    "models": "the models trade",
    "trend_rule": "the trend rule trades",
    "cash": "nothing is entered, positions are closed",
}


class TrainingRuns:
    """The daemon's side of a training: download before, promotion or a reason after."""

    def __init__(self, config: Config, exchange: Exchange, clock: Clock) -> None:
        self._config = config
        self._exchange = exchange
        self._clock = clock
        self.control: Control | None = None
        self.shadowing: Shadowing | None = None
        self.further: Sequence[Control] = ()  # accounts of this daemon that the same bundle decides in

    async def download(self, count: Counted) -> None:
        """Bring the candle store up to date, market by market, in a child: minutes do not wait for pages of history.

        Raises:
            ExchangeFailed: nothing came of any market.
        """
        symbols = self._symbols()
        named = symbols[0] if len(symbols) == 1 else f"{len(symbols)} markets"
        limits = replace(limits_of(self._config), background=False, deadline_s=LONGEST_DOWNLOAD_S)

        def hear(line: str) -> None:
            step = step_of(line)
            if step is not None:
                _, done, total, _ = step
                count(f"history of {named}", done, total)

        ended = await run_child(self._download_arguments(symbols), limits, hear, CLI)
        if ended.document is None:
            raise ExchangeFailed(f"no history came; {ended.cause}")

    def _download_arguments(self, symbols: Sequence[str]) -> list[str]:
        config, since_ms, url = self._config, self._since_ms(), self._exchange.url
        place = [",".join(symbols), config.decision.timeframe.value, config.exchange.market]
        since = [] if since_ms is None else ["--since", datetime.fromtimestamp(since_ms / 1000, UTC).isoformat()]
        where = ["--exchange", config.exchange.name, *(["--url", url] if url else [])]
        return ["data", "download", *place, *where, *since, "--partly"]

    def _symbols(self) -> tuple[str, ...]:
        """Return the markets that the bundle decides in; before there is an account those of the configuration."""
        if self.control is None:
            return self._config.exchange.symbols
        controls = (self.control, *self.further)
        return tuple(dict.fromkeys(market.symbol for control in controls for market in control.members))

    def arguments(self) -> list[str]:
        """Return what `python -m training` is asked for; promoting is the daemon's own."""
        config = self._config
        is_first = self.control is not None and self.control.champion is None
        quick = (
            ["--families", ",".join(config.training.first_families)] if is_first and config.exchange.is_builtin else []
        )
        return [
            "retrain",
            "--symbols",
            ",".join(self._symbols()),
            "--timeframe",
            str(config.decision.timeframe),
            "--exchange",
            config.exchange.name,
            "--no-promote",
            "--gaps",
            "split",  # hours without candles end a run; they are no reason never to train again
            *quick,
        ]

    async def promote(self, document: dict[str, Any]) -> str:
        """Do what gate and policy said: promote, shadow, step down, or go on; return what came of it, in words."""
        bundle, step, reason = _read(document)
        fallback_level, why = _answered(document)
        candidate = bundle if step == "promote" else None
        try:
            if step == "shadow":
                await self._challenge(bundle)
            moved = await self._place(candidate, fallback_level, reason, why)
        except SigmaError as error:
            return f"bundle {bundle} refused: {error}; {self._active()} goes on"
        if moved:
            return moved if candidate else f"{self._said(bundle, step, reason)}; {moved}"
        return f"{self._said(bundle, step, reason)}; {self._active()} goes on"

    async def _place(self, candidate: str | None, fallback_level: FallbackLevel, reason: str, why: str) -> str:
        """Let decide whom gate and policy name; return in words what moved, "" where they decide already."""
        assert self.control is not None
        control = self.control
        before = await asyncio.to_thread(control.registry.status, control.exchange_info.exchange)
        after = next_status(before, candidate, fallback_level)
        if after == before:
            return ""
        if after.fallback_level == "models" and after.champion is not None:
            told = (
                f"bundle {after.champion} promoted: {reason}" if candidate else f"{after.champion} trades again: {why}"
            )
            by = "trainer" if candidate else "fallback policy"
            await control.promote(after.champion, by, reason if candidate else why)
            return told
        await control.step_down(after.fallback_level, "fallback policy", why, candidate)
        bench = f"bundle {candidate} passed ({reason}) and waits on the bench; " if candidate else ""
        return f"{bench}{FALLBACK_LEVELS[after.fallback_level]} from now on: {why}"

    def _said(self, bundle: str, step: str, reason: str) -> str:
        if step == "shadow":
            return f"bundle {bundle} passed and shadows {self._active()}: {reason}"
        return f"bundle {bundle} rejected: {reason}" if step == "reject" else f"bundle {bundle} passed: {reason}"

    async def _challenge(self, bundle: str) -> None:
        assert self.shadowing is not None
        await self.shadowing.challenge(bundle)

    def _active(self) -> str:
        snapshot = None if self.control is None else self.control.snapshot
        return TREND_ID if snapshot is None else snapshot.bundle_id

    def _since_ms(self) -> int | None:
        if self._config.simulator.replay or not self._config.exchange.is_builtin:
            return None
        return self._clock.now_ms() - self._config.simulator.history_days * DAY_MS


def _read(document: dict[str, Any]) -> tuple[str, str, str]:
    """Return (bundle, step, reason) of a training's document.

    Raises:
        BadInput: it is not one.
    """
    bundle, verdict = document.get("bundle"), document.get("verdict")
    if not isinstance(bundle, str) or not isinstance(verdict, dict) or verdict.get("step") not in STEPS:
        raise BadInput(f"the training printed {sorted(document)[:8]}; a bundle and a verdict with a step are needed")
    return bundle, str(verdict["step"]), str(verdict.get("reason", ""))


def _answered(document: dict[str, Any]) -> tuple[FallbackLevel, str]:
    """Return the fallback level and its reason.

    Raises:
        BadInput: the document has none.
    """
    found = document.get("fallback") or {}
    if found.get("trading") not in FALLBACK_LEVELS:
        raise BadInput(
            f"the training's fallback answer is {found!r}; trading as one of {', '.join(FALLBACK_LEVELS)} is needed"
        )
    return found["trading"], str(found.get("why", ""))


async def first_training(control: Control, runs: JobRuns, *, wanted: bool, catch_up: bool) -> None:
    """Ask for a bundle when none decides yet, or when a restart cut a training short; the rest is the schedule's."""
    if not wanted:
        return
    cut_short = await answered(close_interrupted, runs, control.clock.now_ms())
    with contextlib.suppress(AlreadyRunning):  # the schedule made up for a missed run first
        if control.champion is None:
            await control.training.start("no bundle decides yet")
        elif cut_short and catch_up:
            await control.training.start("a restart cut the last training short")


def close_interrupted(runs: JobRuns, now_ms: int) -> bool:
    """Write that a training which was going on when the daemon ended did not finish; return whether there was one."""
    last = runs.latest(JOB)
    if last is None or last.finished_ms is not None:
        return False
    runs.end(JOB, last.started_ms, now_ms, "cut short: the daemon ended")
    return True


async def on_harm(control: Control, found: str) -> bool:
    """Roll the champion back because a monitor asks for it; return whether it was active; a fallback strategy stays."""
    if control.snapshot is None or is_fallback(control.snapshot.bundle_id):
        return False
    try:
        await control.rollback("monitor", found, must=True)
    except Conflict:
        return False
    return True


async def on_drift(control: Control, settings: ScheduleSettings, found: str) -> bool:
    """Ask for a retraining because drift was found; return whether one begins. Drift never swaps anything."""
    if not (settings.retrain and settings.retrain_on_drift):
        return False
    try:
        await control.training.start(f"drift: {found}")
    except AlreadyRunning:
        return False
    return True
