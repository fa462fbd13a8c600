"""Champion and challenger on live candles: bundles that decide nothing, watched beside the one that does.

After each decision every watched bundle scores the same closes in a thread; what it expected is written beside what the
champion expected, and when a label matures the likelihood ratio of both moves on. A challenger that is proven right
is promoted; a champion that its predecessor, or the forecast of nothing, proves wrong is rolled back (the harm stop).
Nothing here is on the trading path: a fault is logged and trading goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import structlog

from bot.control import Control
from bot.snapshot import Snapshot
from storage.config_batch import ValidationSettings
from storage.shadows import NOTHING, Expectation, Shadows, Trial
from strategies.bundle import TREND_ID, Bundle
from strategies.errors import BadInput, BundleRefused, SigmaError
from strategies.evidence import Evidence, what_came
from strategies.market import DAY_MS, HOUR_MS, MINUTE_MS, CandleArray, Timeframe
from strategies.trials import Role, Step, judge
from strategies.warm_up import NOTHING_SCORED, ScoredCloses, WarmUp, conviction_of, score_closes

WAITING: Final = 16  # closes that may wait to be shadowed; more are skipped, the oldest first
PREDECESSOR_D: Final = 30.0

Prepare = Callable[[Bundle], Awaitable[WarmUp]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One market at a close: its newest candles and what the champion made of them."""

    market: int
    symbol: str
    candles: CandleArray
    sigma: float
    conviction: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """A decision that was taken, with all that a watched bundle needs to take its own."""

    open_ms: int
    champion_id: str
    seen: tuple[Seen, ...]


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
        self._trials: list[Trial] = []
        self._watched: dict[str, _Watched] = {}
        self._slopes: dict[str, float] = {}
        self._champion_id = ""
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
        self._trials = await asyncio.to_thread(self._shadows.trials, running=True)
        while True:
            close = await self._closes.get()
            try:
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
        bundle = await asyncio.to_thread(self._control.registry.get, bundle_id, self._control.place.exchange)
        for trial in [part for part in self._trials if part.role == "challenger"]:
            await self._end(trial, f"{bundle_id} challenges instead")
        await self._begin(bundle_id, "challenger", bundle.manifest.horizon_bars)

    async def take(self, close: Close) -> None:
        """Let every watched bundle take the decision that the champion took, settle what matured, and judge."""
        if close.champion_id != self._champion_id:
            await self._on_champion(close.champion_id)
        for trial in list(self._trials):
            try:
                await self._follow(trial, close)
            except (BundleRefused, BadInput) as error:
                await self._end(trial, f"not watched any more: {error}")

    async def _on_champion(self, champion_id: str) -> None:
        """Another bundle decides: its predecessor and the forecast of nothing are watched from here on."""
        registry, exchange = self._control.registry, self._control.place.exchange
        for trial in list(self._trials):
            if trial.bundle_id == champion_id:
                await self._end(trial, "it decides now")
            elif trial.role != "challenger" and trial.champion_id != champion_id:
                await self._end(trial, f"{champion_id} decides now")
        self._champion_id = champion_id
        if champion_id == TREND_ID or any(trial.role == "nothing" for trial in self._trials):
            return
        horizon = (await asyncio.to_thread(registry.manifest, champion_id)).horizon_bars
        await self._begin(NOTHING, "nothing", horizon)
        before = await asyncio.to_thread(registry.previous, exchange)
        if before is not None and before != champion_id:
            await self._begin(before, "predecessor", horizon)

    async def _follow(self, trial: Trial, close: Close) -> None:
        watched = await self._watch(trial)
        champion_slope = await self._slope(close.champion_id)
        expected = await asyncio.to_thread(watched.expect, close)
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
        await asyncio.to_thread(self._shadows.expect, trial, rows)
        evidence = await asyncio.to_thread(self._settle, trial, close)
        moved = replace(trial, evidence=evidence)
        self._trials[self._trials.index(trial)] = moved
        await self._act(moved, close)

    def _settle(self, trial: Trial, close: Close) -> Evidence:
        """Settle the expectations whose outcome is known by this close, oldest first."""
        candles = {seen.market: seen.candles for seen in close.seen}
        evidence, settled = trial.evidence, []
        horizon = evidence.logs.shape[1]
        for part in self._shadows.open_expectations(trial):
            if part.market not in candles:
                continue
            came = what_came(candles[part.market], part.open_ms, part.sigma, horizon, self._timeframe)
            if came is None:
                continue
            bar = part.open_ms // self._timeframe.ms
            evidence = evidence.seen(part.market, bar, came, part.expected, part.champion_expected)
            settled.append(replace(part, came=came if np.isfinite(came) else None))
        if settled:
            self._shadows.mature(trial, settled, evidence)
        return evidence

    async def _act(self, trial: Trial, close: Close) -> None:
        age_d = (close.open_ms - trial.started_ms) / DAY_MS
        limit_d = PREDECESSOR_D if trial.role == "predecessor" else None
        bar_h = self._timeframe.ms / HOUR_MS
        step, sentence = judge(trial.role, trial.evidence, self._settings.harm_likelihood_ratio, age_d, limit_d, bar_h)
        if step is Step.GO_ON:
            return
        await self._end(trial, sentence)
        if step is Step.PROMOTE:
            await self._control.promote(trial.bundle_id, "shadow", sentence)
        elif step is Step.ROLL_BACK:
            await self._control.rollback("harm stop", sentence)

    async def _begin(self, bundle_id: str, role: Role, horizon_bars: int) -> None:
        trial = Trial(
            bundle_id=bundle_id,
            started_ms=self._control.clock.now_ms(),
            role=role,
            champion_id=self._champion_id,
            evidence=Evidence.begin(len(self._control.markets), horizon_bars),
        )
        await asyncio.to_thread(self._shadows.begin, trial)
        self._trials.append(trial)
        self._log.info("watched beside the champion", bundle=bundle_id, role=role, champion=self._champion_id)

    async def _end(self, trial: Trial, outcome: str) -> None:
        await asyncio.to_thread(self._shadows.end, trial, self._control.clock.now_ms(), outcome)
        self._trials = [
            part for part in self._trials if (part.bundle_id, part.started_ms) != (trial.bundle_id, trial.started_ms)
        ]
        self._watched.pop(trial.bundle_id, None)
        self._log.info("not watched any more", bundle=trial.bundle_id, role=trial.role, outcome=outcome)

    async def _watch(self, trial: Trial) -> _Watched:
        if trial.bundle_id not in self._watched:
            watched = _Watched(None, (), 0.0)
            if trial.role != "nothing":
                registry, exchange = self._control.registry, self._control.place.exchange
                bundle = await asyncio.to_thread(registry.get, trial.bundle_id, exchange)
                warm_up = await self._prepare(bundle)
                watched = _Watched(bundle, warm_up.scored, bundle.calibration.slope or 0.0)
            self._watched[trial.bundle_id] = watched
        return self._watched[trial.bundle_id]

    async def _slope(self, bundle_id: str) -> float:
        if bundle_id == TREND_ID:
            return 0.0
        if bundle_id not in self._slopes:
            manifest = await asyncio.to_thread(self._control.registry.manifest, bundle_id)
            self._slopes[bundle_id] = manifest.calibration.slope or 0.0
        return self._slopes[bundle_id]


class _Watched:
    """A loaded bundle with the closes it has scored; the forecast of nothing has no bundle."""

    def __init__(self, bundle: Bundle | None, scored: Sequence[ScoredCloses], slope: float) -> None:
        self._bundle = bundle
        self._scored = dict(enumerate(scored))
        self._slope = slope

    def expect(self, close: Close) -> list[float]:
        """Return the expected scaled return of every market that was seen."""
        return [self._expected(seen) for seen in close.seen]

    def _expected(self, seen: Seen) -> float:
        if self._bundle is None:
            return 0.0
        before = self._scored.get(seen.market, NOTHING_SCORED)
        scored = score_closes(self._bundle, seen.candles, self._bundle.manifest.timeframe, seen.symbol, before)
        self._scored[seen.market] = scored
        return self._slope * conviction_of(self._bundle, scored)


def close_of(snapshot: Snapshot, timeframe: Timeframe) -> Close | None:
    """Return the decision that a snapshot's minute took, its candles copied; None where it took none."""
    decided_ms = snapshot.minute_ms + MINUTE_MS
    seen = [
        Seen(
            market=index,
            symbol=view.symbol,
            candles=part.candles.copy(),
            sigma=float(part.sigma[-1]),
            conviction=float("nan") if view.conviction is None else view.conviction,
        )
        for index, (view, part) in enumerate(zip(snapshot.markets, snapshot.prepared, strict=True))
        if part is not None and view.decided_ms == decided_ms
    ]
    if not seen:
        return None
    return Close(open_ms=decided_ms - timeframe.ms, champion_id=snapshot.bundle_id, seen=tuple(seen))
