"""The whole routine over history: decide, trade, let labels mature, watch for drift, retrain, judge, swap, roll back.

Every step is the function that the daemon and its training children call: `retrain` and its gates, the fallback
policy, the monitors, the harm stop, the kernel. Nothing here knows the future: a training sees the candles closed by
its time, a check the labels settled by its time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from strategies.bundle.bundle import Bundle, trend_bundle
from strategies.bundle.fallback_names import is_fallback
from strategies.bundle.fallback_policy import FallbackLevel
from strategies.bundle.fallback_strategies import fallback_of
from strategies.market import DAY_MS
from training.backtest.run import BacktestResult
from training.backtest.run_candles import RunCandles
from training.data.dataset import Dataset
from training.data.splits import next_month
from training.ensemble.expectation import Expectation
from training.ensemble.fits import Means
from training.ensemble.plan import Plan, recipe_id
from training.evidence.daily_skill import NOTHING_PROMISED, DailySkill, walked_skill
from training.evidence.performance import EquityCurve
from training.monitors import fallback_policy
from training.monitors.drift import DriftReport, drift_report
from training.monitors.drift_inputs import ShadowBundle
from training.monitors.trend_record import curve_of
from training.promotion.retrain import Champion, retrain
from training.promotion.similarity import Reign
from training.simulation.account import SimulatedAccount
from training.simulation.shadows import SimulatedShadows
from training.walk_forward.paths import part

Kind = Literal["retrained", "drift", "swap", "rollback"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that the self-training bot did."""

    ms: int
    kind: Kind
    words: str
    bundle: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Routine:
    """When what is done.

    Attributes:
        retrain_months: calendar months between scheduled trainings.
        check_days: days between drift checks.
        rest_days: after a training, drift starts no other for so long.
        on_drift: drift starts a training.
    """

    retrain_months: int = 1
    check_days: int = 7
    rest_days: int = 14
    on_drift: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What the bot would have done.

    Attributes:
        result: its trades, in the shape of a backtest.
        events: in order.
        trainings: number of them.
        promotions: of candidates that the gate let through.
    """

    result: BacktestResult
    events: tuple[Event, ...]
    trainings: int
    promotions: int
    drifts: int
    rollbacks: int


@dataclass(slots=True, kw_only=True)
class Simulator:
    """A bot in history.

    Attributes:
        candles: of the whole run, with their history.
        past: of the run and up to a year before it, for the trend rule's own record.
        plan: families and settings.
        dataset_until: everything known by a time.
        routine: when what is done.
        say: told every event.
        means: cache and processes of the trainings.
    """

    candles: RunCandles
    past: RunCandles
    plan: Plan
    dataset_until: Callable[[int], Dataset]
    routine: Routine = field(default_factory=Routine)
    say: Callable[[Event], None] = lambda _: None
    means: Means = field(default_factory=Means)
    _trained_ms: list[tuple[str, int]] = field(default_factory=list)
    _events: list[Event] = field(default_factory=list)
    _champion: Champion | None = None
    _expected: dict[str, Expectation] = field(default_factory=dict)
    _promised: dict[str, DailySkill] = field(default_factory=dict)
    _before: list[Bundle] = field(default_factory=list)
    _failed: set[str] = field(default_factory=set)
    _fallback_level: FallbackLevel = "trend_rule"
    _why: str = ""

    def run(self) -> Simulation:
        """Live through all of it."""
        trend = trend_bundle(self.candles.timeframe)
        settings, threshold = self.plan.trading, self.plan.validation.harm_likelihood_ratio
        account = SimulatedAccount(candles=self.candles, settings=settings, bundle=trend)
        shadows = SimulatedShadows(candles=self.candles, settings=settings, threshold=threshold)
        trend_curve = curve_of(self.past, settings)
        shadow_bundle = ShadowBundle()
        at_ms, trained_ms, due_ms = self.candles.start_ms, 0, self.candles.start_ms
        drifted = ""
        while at_ms < self.candles.end_ms:
            if at_ms >= due_ms or drifted:
                self._train(trend_curve, at_ms, drifted or "scheduled")
                trained_ms, drifted = at_ms, ""
                due_ms = next_month(at_ms, self.routine.retrain_months) if at_ms >= due_ms else due_ms
                self._seat(account, shadows, at_ms)
            end_ms = min(at_ms + self.routine.check_days * DAY_MS, due_ms, self.candles.end_ms)
            at_ms, harm = self._live(account, shadows, shadow_bundle, at_ms, end_ms)
            if harm:
                self._roll_back(account, shadows, at_ms, f"harm stop: {harm}")
                continue
            found = self._check(shadow_bundle, account, at_ms)
            if found is not None and found.wants_rollback:
                self._roll_back(account, shadows, at_ms, found.sentence)
            rested = at_ms - trained_ms >= self.routine.rest_days * DAY_MS
            if found is not None and found.wants_training and rested and self.routine.on_drift and at_ms < due_ms:
                drifted = f"drift: {found.sentence}"
        return self._finished(account)

    def _train(self, trend_curve: EquityCurve, at_ms: int, why: str) -> None:
        """Train, judge, and ask the fallback policy who trades from here on."""
        dataset, champion_now = self.dataset_until(at_ms), self._champion_at(at_ms)
        recipe = recipe_id(dataset, self.plan)
        found = retrain(dataset, self.plan, champion_now, again=recipe in self._failed, means=self.means)
        self._trained_ms.append((recipe, found.trained.bundle.manifest.trained_until_ms))
        if any(rule.name == "skill" and not rule.passed for rule in found.verdict.rules):
            self._failed.add(recipe)
        bundle, verdict = found.trained.bundle, found.verdict
        self._expected[bundle.id] = found.trained.expected
        self._promised[bundle.id] = walked_skill(found.trained.scales.convictions)
        self._tell(at_ms, "retrained", f"{why}; {verdict.step}: {verdict.reason}", bundle.id)
        champion, now = fallback_policy.champion_after(found, champion_now, self._fallback_level)
        promised = NOTHING_PROMISED if champion is None else self._promised[champion.bundle.id]
        answer = fallback_policy.ask(champion, promised, trend_curve, dataset, now, self.plan.validation)
        self._fallback_level, self._why = answer.fallback_level, answer.why
        if verdict.step == "promote":
            self._before += [] if champion_now is None else [champion_now.bundle]
            self._enthrone(bundle, at_ms)

    def _enthrone(self, bundle: Bundle, at_ms: int) -> None:
        champion_now = self._champion_at(at_ms)
        reigns = () if champion_now is None else champion_now.reigns
        self._champion = Champion(bundle=bundle, reigns=(*reigns, Reign(bundle=bundle, from_ms=at_ms, until_ms=at_ms)))

    def _champion_at(self, at_ms: int) -> Champion | None:
        """Return the champion with the reigns up to now."""
        if self._champion is None:
            return None
        *ended, last = self._champion.reigns
        recipe = self._champion.bundle.manifest.recipe
        trained_ms = tuple(ms for made, ms in self._trained_ms if made == recipe)
        return replace(self._champion, reigns=(*ended, replace(last, until_ms=at_ms)), trained_ms=trained_ms)

    def _seat(self, account: SimulatedAccount, shadows: SimulatedShadows, at_ms: int) -> None:
        """Put on the account whoever is active by the fallback level."""
        if self._fallback_level == "models" and self._champion is not None:
            chosen = self._champion.bundle
        else:
            chosen = fallback_of(self._fallback_level, self.candles.timeframe)
        if chosen.id == account.bundle.id:
            return
        self._tell(at_ms, "swap", f"{chosen.id} decides: {self._why}", chosen.id)
        self._swap(account, shadows, chosen, at_ms)

    def _swap(self, account: SimulatedAccount, shadows: SimulatedShadows, chosen: Bundle, at_ms: int) -> None:
        account.swap(chosen)
        if is_fallback(chosen.id):
            shadows.end()
        else:
            shadows.begin(chosen, self._before[-1] if self._before else None, at_ms)

    def _live(
        self,
        account: SimulatedAccount,
        shadows: SimulatedShadows,
        shadow_bundle: ShadowBundle,
        start_ms: int,
        end_ms: int,
    ) -> tuple[int, str]:
        """Trade a window, or as much of it as passes before the harm stop; return its end, and the harm in words."""
        window = part(self.candles, start_ms, end_ms)
        path = account.decide(window)
        harm = shadows.harm(path, window)
        if harm is not None and harm.ms < end_ms:
            window = part(self.candles, start_ms, harm.ms)
            path = account.decide(window)
        run = account.trade(path, window)
        shadow_bundle.add(path, run, window, account.bundle)
        return window.end_ms, "" if harm is None else harm.sentence

    def _roll_back(self, account: SimulatedAccount, shadows: SimulatedShadows, at_ms: int, why: str) -> None:
        """Go back to the champion before; to the trend rule when there was none."""
        fallen = account.bundle.id
        if self._before:
            self._enthrone(self._before.pop(), at_ms)
        else:
            self._champion, self._fallback_level = None, "trend_rule"
        chosen = trend_bundle(self.candles.timeframe) if self._champion is None else self._champion.bundle
        self._tell(at_ms, "rollback", f"{fallen} rolled back: {why}", chosen.id)
        self._swap(account, shadows, chosen, at_ms)

    def _check(self, shadow_bundle: ShadowBundle, account: SimulatedAccount, at_ms: int) -> DriftReport | None:
        """Look at what has matured under the champion; None while a fallback strategy decides."""
        if is_fallback(account.bundle.id):
            return None
        found = drift_report(
            account.bundle,
            shadow_bundle.recorded,
            shadow_bundle.account,
            self.dataset_until(at_ms).segments,
            self._expected.get(account.bundle.id),
            self.plan.validation,
            self.plan.seed,
        )
        if found.alarms:
            self._tell(at_ms, "drift", found.sentence, account.bundle.id)
        return found

    def _tell(self, ms: int, kind: Kind, words: str, bundle: str) -> None:
        event = Event(ms=ms, kind=kind, words=words, bundle=bundle)
        self._events.append(event)
        self.say(event)

    def _finished(self, account: SimulatedAccount) -> Simulation:
        kinds = [event.kind for event in self._events]
        promoted = [event for event in self._events if event.kind == "retrained" and "; promote:" in event.words]
        return Simulation(
            result=account.result("self-training bot"),
            events=tuple(self._events),
            trainings=kinds.count("retrained"),
            promotions=len(promoted),
            drifts=kinds.count("drift"),
            rollbacks=kinds.count("rollback"),
        )


def wanted_borders(start_ms: int, end_ms: int, months: int) -> Sequence[int]:
    """Return the times of the scheduled trainings in [start, end)."""
    borders = [start_ms]
    while (following := next_month(borders[-1], months)) < end_ms:
        borders.append(following)
    return borders
