"""Champion and challenger on live candles: bundles that decide nothing, watched beside the one that does.

After each decision every watched bundle scores the same closes in a thread; what it expected is written beside what the
champion expected, and when a label matures the likelihood ratio of both moves on. A challenger that is proven right
is promoted; a champion that its predecessor, or the forecast of nothing, proves wrong is rolled back (the harm stop).
While a fallback strategy decides, the champion on the bench is watched; only the fallback policy calls it back.
Nothing here is on the trading path: a fault is logged and trading goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np
import structlog

from bot.retraining.shadow_bundle import Close, ShadowBundle, close_of
from bot.trading.answered import answered
from bot.trading.control import Control
from bot.trading.snapshot import Snapshot
from storage.config.training import ValidationSettings
from storage.ledger.shadows import NOTHING, Expectation, Shadow, Shadows
from strategies.bundle.bundle import Bundle
from strategies.bundle.fallback_names import is_fallback
from strategies.bundle.warm_up import WarmUp
from strategies.errors import BadInput, BundleRefused, SigmaError
from strategies.market import DAY_MS, HOUR_MS, Timeframe
from strategies.oversight.e_process import EProcess, realized_return
from strategies.oversight.shadow_rules import Role, Step, judge, limit_d

WAITING: Final = 16  # closes that may wait to be shadowed; more are skipped, the oldest first

Prepare = Callable[[Bundle], Awaitable[WarmUp]]


class Shadowing:
    """Watches bundles beside the champion.

    Args:
        control: promotes and rolls back.
        shadows: remembers.
        prepare: scores a bundle's warm-up on the account's candles.
        settings: the likelihood ratio at which something is done.
        timeframe: of decisions.
    """

    def __init__(
        self,
        *,
        control: Control,
        shadows: Shadows,
        prepare: Prepare,
        settings: ValidationSettings,
        timeframe: Timeframe,
    ) -> None:
        self._control = control
        self._shadows = shadows
        self._prepare = prepare
        self._settings = settings
        self._timeframe = timeframe
        self._closes: asyncio.Queue[Close] = asyncio.Queue(maxsize=WAITING)
        self._running: list[Shadow] = []
        self._shadow_bundle: dict[str, ShadowBundle] = {}
        self._slopes: dict[str, float] = {}
        self._champion_id = ""
        self._benched_id: str | None = None
        self._log = structlog.get_logger("shadow")

    def on_snapshot(self, snapshot: Snapshot) -> None:
        """Take a minute that was written; called on the event loop, so it only copies."""
        close = close_of(snapshot, self._timeframe)
        if close is None:
            return
        if self._closes.full():
            self._closes.get_nowait()
        self._closes.put_nowait(close)

    async def run(self) -> None:
        """Shadow closes until cancelled."""
        self._running = await answered(partial(self._shadows.all, running=True))
        is_made_up = False
        while True:
            close = await self._closes.get()
            try:
                if not is_made_up:
                    await self._make_up()
                    is_made_up = True
                await self.take(close)
            except SigmaError as error:
                self._log.warning("close not shadowed", open_ms=close.open_ms, error=str(error))
            except Exception:  # a task boundary: watching must not end the daemon
                self._log.exception("close not shadowed", open_ms=close.open_ms)

    async def challenge(self, bundle_id: str) -> None:
        """Let a bundle of a changed recipe shadow the champion; one that is watched already gives way to it.

        Raises:
            BundleRefused: it is broken.
        """
        bundle = await asyncio.to_thread(self._control.registry.get, bundle_id, self._control.exchange_info.exchange)
        for shadow in [part for part in self._running if part.role == "challenger"]:
            await self._end(shadow, f"{bundle_id} challenges instead")
        await self._begin(bundle_id, "challenger", bundle.manifest.horizon_bars)

    async def take(self, close: Close) -> None:
        """Let every watched bundle take the decision that the champion took, settle what matured, and judge."""
        if close.champion_id != self._champion_id:
            await self._on_champion(close.champion_id)
        benched_id = self._control.champion if is_fallback(close.champion_id) else None
        if benched_id != self._benched_id:
            await self._on_bench(benched_id)
        for shadow in list(self._running):
            try:
                await self._follow(shadow, close)
            except (BundleRefused, BadInput) as error:
                await self._end(shadow, f"not watched any more: {error}")

    async def _on_champion(self, champion_id: str) -> None:
        """Another bundle decides: its predecessor and the forecast of nothing are watched from here on."""
        registry, exchange = self._control.registry, self._control.exchange_info.exchange
        for shadow in list(self._running):
            if shadow.bundle_id == champion_id:
                await self._end(shadow, "it decides now")
            elif shadow.role != "challenger" and shadow.champion_id != champion_id:
                await self._end(shadow, f"{champion_id} decides now")
        self._champion_id, self._benched_id = champion_id, None
        if is_fallback(champion_id) or any(shadow.role == "nothing" for shadow in self._running):
            return
        horizon = (await asyncio.to_thread(registry.manifest, champion_id)).horizon_bars
        await self._begin(NOTHING, "nothing", horizon)
        before = await asyncio.to_thread(registry.previous, exchange)
        if before is not None and before != champion_id:
            await self._begin(before, "predecessor", horizon)

    async def _on_bench(self, benched_id: str | None) -> None:
        """Another champion waits on the bench, or none: that one is watched beside the fallback strategy."""
        self._benched_id = benched_id
        waiting = [shadow for shadow in self._running if shadow.role == "benched"]
        for shadow in waiting:
            if shadow.bundle_id != benched_id:
                await self._end(shadow, "it is not on the bench any more")
        if benched_id is not None and benched_id not in {shadow.bundle_id for shadow in waiting}:
            manifest = await asyncio.to_thread(self._control.registry.manifest, benched_id)
            await self._begin(benched_id, "benched", manifest.horizon_bars)

    async def _follow(self, shadow: Shadow, close: Close) -> None:
        shadow_bundle = await self._watch(shadow)
        champion_slope = await self._slope(close.champion_id)
        expected = await asyncio.to_thread(shadow_bundle.expect, close)
        rows = [
            Expectation(
                open_ms=close.open_ms,
                market=seen.market,
                champion_id=close.champion_id,
                expected=value,
                champion_expected=champion_slope * seen.conviction,
                sigma=seen.sigma,
            )
            for seen, value in zip(close.seen, expected, strict=True)
            if np.isfinite(value) and np.isfinite(seen.conviction) and np.isfinite(seen.sigma)
        ]
        await asyncio.to_thread(self._shadows.expect, shadow, rows)
        evidence = await asyncio.to_thread(self._settle, shadow, close)
        moved = replace(shadow, evidence=evidence)
        self._running[self._running.index(shadow)] = moved
        await self._act(moved, close)

    def _settle(self, shadow: Shadow, close: Close) -> EProcess:
        """Settle the expectations whose outcome is known by this close, oldest first."""
        candles = {seen.market: seen.candles for seen in close.seen}
        evidence, settled = shadow.evidence, []
        horizon = evidence.logs.shape[1]
        for part in self._shadows.open_expectations(shadow):
            if part.market not in candles:
                continue
            came = realized_return(candles[part.market], part.open_ms, part.sigma, horizon, self._timeframe)
            if came is None:
                continue
            bar = part.open_ms // self._timeframe.ms
            evidence = evidence.seen(part.market, bar, came, part.expected, part.champion_expected)
            settled.append(replace(part, came=came if np.isfinite(came) else None))
        if settled:
            self._shadows.mature(shadow, settled, evidence)
        return evidence

    async def _act(self, shadow: Shadow, close: Close) -> None:
        step, sentence = self._judge(shadow, close.open_ms)
        if step is Step.GO_ON:
            return
        # The effect before the note of it: killed in between, the next close comes to the same end again.
        if step is Step.PROMOTE:
            await self._control.promote(shadow.bundle_id, "shadow", sentence)
        elif step is Step.ROLL_BACK:
            await self._roll_back(close.champion_id, sentence)
        await self._end(shadow, sentence)

    async def _roll_back(self, champion_id: str, sentence: str) -> None:
        """Roll a champion back, unless the pointer has left it already and only the swap is still to come."""
        registry, exchange = self._control.registry, self._control.exchange_info.exchange
        if await asyncio.to_thread(registry.active, exchange) == champion_id:
            await self._control.rollback("harm stop", sentence, must=True)

    async def _make_up(self) -> None:
        """Roll back a champion whose harm stop was written, but not carried out before the program ended."""
        registry, exchange = self._control.registry, self._control.exchange_info.exchange
        moves = await asyncio.to_thread(registry.history, exchange)
        if not moves or moves[-1].fallback_level != "models":
            return
        for shadow in await asyncio.to_thread(self._shadows.all):
            ended_ms = shadow.ended_ms or 0
            if shadow.champion_id != moves[-1].active or ended_ms <= (moves[-1].since_ms or 0):
                continue
            step, sentence = self._judge(shadow, ended_ms)
            if step is Step.ROLL_BACK:
                await self._roll_back(shadow.champion_id, sentence)
                return

    def _judge(self, shadow: Shadow, now_ms: int) -> tuple[Step, str]:
        age_d = (now_ms - shadow.started_ms) / DAY_MS
        threshold, bar_h = self._settings.harm_likelihood_ratio, self._timeframe.ms / HOUR_MS
        return judge(shadow.role, shadow.evidence, threshold, age_d, limit_d(shadow.role), bar_h)

    async def _begin(self, bundle_id: str, role: Role, horizon_bars: int) -> None:
        shadow = Shadow(
            bundle_id=bundle_id,
            started_ms=self._control.clock.now_ms(),
            role=role,
            champion_id=self._champion_id,
            evidence=EProcess.begin(len(self._control.markets), horizon_bars),
        )
        await asyncio.to_thread(self._shadows.begin, shadow)
        self._running.append(shadow)
        self._log.info("watched beside the champion", bundle=bundle_id, role=role, champion=self._champion_id)

    async def _end(self, shadow: Shadow, outcome: str) -> None:
        await asyncio.to_thread(self._shadows.end, shadow, self._control.clock.now_ms(), outcome)
        self._running = [
            part for part in self._running if (part.bundle_id, part.started_ms) != (shadow.bundle_id, shadow.started_ms)
        ]
        self._shadow_bundle.pop(shadow.bundle_id, None)
        self._log.info("not watched any more", bundle=shadow.bundle_id, role=shadow.role, outcome=outcome)

    async def _watch(self, shadow: Shadow) -> ShadowBundle:
        if shadow.bundle_id not in self._shadow_bundle:
            shadow_bundle = ShadowBundle(None, (), 0.0)
            if shadow.role != "nothing":
                registry, exchange = self._control.registry, self._control.exchange_info.exchange
                bundle = await asyncio.to_thread(registry.get, shadow.bundle_id, exchange)
                warm_up = await self._prepare(bundle)
                shadow_bundle = ShadowBundle(bundle, warm_up.scored, bundle.calibration.slope or 0.0)
            self._shadow_bundle[shadow.bundle_id] = shadow_bundle
        return self._shadow_bundle[shadow.bundle_id]

    async def _slope(self, bundle_id: str) -> float:
        if is_fallback(bundle_id):
            return 0.0
        if bundle_id not in self._slopes:
            manifest = await asyncio.to_thread(self._control.registry.manifest, bundle_id)
            self._slopes[bundle_id] = manifest.calibration.slope or 0.0
        return self._slopes[bundle_id]
