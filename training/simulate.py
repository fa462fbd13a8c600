"""The whole routine over history: decide, trade, let labels mature, watch for drift, retrain, judge, swap, roll back.

Every step is the function that the daemon and its training children call: `retrain` and its gates, the fallback
ladder, the monitors, the kernel. Nothing here knows the future: a training sees the candles closed by its time, a
check the labels settled by its time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from strategies.bundle import Bundle, trend_bundle
from strategies.market import DAY_MS
from training.backtest import BacktestResult, backtest
from training.bundle import Plan
from training.dataset import Dataset
from training.drift import DriftReport, drift_report
from training.drift_inputs import Watched
from training.expectation import Expectation
from training.gate import Trading, who_trades
from training.likeness import Reign, recorded_convictions, targets
from training.out_of_fold import information_coefficient
from training.performance import EquityCurve, daily_equity
from training.retrain import Champion, Retrained, retrain
from training.run_candles import RunCandles
from training.simulated_account import SimulatedAccount
from training.splits import next_month
from training.walk_forward import part

YEAR_D = 365
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
        plan: families and settings.
        dataset_until: everything known by a time.
        routine: when what is done.
        say: told every event.
    """

    candles: RunCandles
    past: RunCandles
    plan: Plan
    dataset_until: Callable[[int], Dataset]
    routine: Routine = field(default_factory=Routine)
    say: Callable[[Event], None] = lambda _: None
    _events: list[Event] = field(default_factory=list)
    _champion: Champion | None = None
    _expected: dict[str, Expectation] = field(default_factory=dict)
    _before: list[Bundle] = field(default_factory=list)
    _rung: Trading = "trend_rule"

    def run(self) -> Simulation:
        """Live through all of it."""
        timeframe = self.candles.timeframe
        trend = trend_bundle(timeframe)
        account = SimulatedAccount(candles=self.candles, settings=self.plan.trading, bundle=trend, fallback=trend)
        trend_curve = backtest(trend, self.past, self.plan.trading).curve
        watched = Watched()
        at_ms, trained_ms, due_ms = self.candles.start_ms, 0, self.candles.start_ms
        drifted = ""
        while at_ms < self.candles.end_ms:
            if at_ms >= due_ms or drifted:
                dataset = self.dataset_until(at_ms)
                self._train(dataset, at_ms, drifted or "scheduled")
                trained_ms, drifted = at_ms, ""
                due_ms = next_month(at_ms, self.routine.retrain_months) if at_ms >= due_ms else due_ms
                self._place(account, trend, dataset, trend_curve, at_ms)
            end_ms = min(at_ms + self.routine.check_days * DAY_MS, due_ms, self.candles.end_ms)
            path, run = account.trade(at_ms, end_ms)
            watched.add(path, run, part(self.candles, at_ms, end_ms), account.bundle)
            at_ms = end_ms
            found = self._check(watched, account, at_ms)
            rested = at_ms - trained_ms >= self.routine.rest_days * DAY_MS
            if found is not None and found.wants_training and rested and self.routine.on_drift and at_ms < due_ms:
                drifted = f"drift: {found.sentence}"
        return self._finished(account)

    def _train(self, dataset: Dataset, at_ms: int, why: str) -> None:
        found = retrain(dataset, self.plan, self._standing(at_ms))
        bundle = found.trained.bundle
        self._expected[bundle.id] = found.trained.expected
        self._tell(at_ms, "retrained", f"{why}; {found.verdict.step}: {found.verdict.reason}", bundle.id)
        if found.verdict.step == "promote":
            self._promote(found, at_ms)

    def _promote(self, found: Retrained, at_ms: int) -> None:
        bundle = found.trained.bundle
        standing = self._standing(at_ms)
        if standing is not None:
            self._before.append(standing.bundle)
        self._enthrone(bundle, at_ms)

    def _enthrone(self, bundle: Bundle, at_ms: int) -> None:
        standing = self._standing(at_ms)
        reigns = () if standing is None else standing.reigns
        self._champion = Champion(bundle=bundle, reigns=(*reigns, Reign(bundle=bundle, from_ms=at_ms, until_ms=at_ms)))

    def _standing(self, at_ms: int) -> Champion | None:
        """Return the champion with the reigns up to now."""
        if self._champion is None:
            return None
        *ended, last = self._champion.reigns
        return replace(self._champion, reigns=(*ended, replace(last, until_ms=at_ms)))

    def _place(
        self, account: SimulatedAccount, trend: Bundle, dataset: Dataset, trend_curve: EquityCurve, at_ms: int
    ) -> None:
        """Put on the account whoever the fallback ladder says."""
        self._rung, why = who_trades(
            has_champion=self._champion is not None,
            recent_ic=self._recent_ic(dataset, at_ms),
            now=self._rung,
            trend_earns=_gain(trend_curve, at_ms - YEAR_D * DAY_MS, at_ms) > 0,
            settings=self.plan.validation,
        )
        models = None if self._champion is None else self._champion.bundle
        chosen = {"models": models, "trend_rule": trend, "cash": None}[self._rung]
        if chosen is not account.bundle:
            name = "cash" if chosen is None else chosen.id
            self._tell(at_ms, "swap", f"{name} decides: {why}", name)
            account.swap(chosen)

    def _recent_ic(self, dataset: Dataset, at_ms: int) -> float:
        """Return the IC of the convictions that reigned in the last 12 months; NaN before 12 months of them."""
        standing = self._standing(at_ms)
        if standing is None or at_ms - standing.reigns[0].from_ms < YEAR_D * DAY_MS:
            return float("nan")
        from_ms = at_ms - YEAR_D * DAY_MS
        scores = recorded_convictions(standing.reigns, dataset, from_ms, at_ms)
        return information_coefficient(scores, targets(dataset, from_ms, at_ms))

    def _check(self, watched: Watched, account: SimulatedAccount, at_ms: int) -> DriftReport | None:
        """Look at what has matured; roll back a champion whose drawdown left its band."""
        if account.bundle is None or self._champion is None or account.bundle is not self._champion.bundle:
            return None
        found = drift_report(
            account.bundle,
            watched.recorded,
            watched.account,
            self.dataset_until(at_ms).segments,
            self._expected.get(account.bundle.id),
            self.plan.validation,
            self.plan.seed,
        )
        if found.alarms:
            self._tell(at_ms, "drift", found.sentence, account.bundle.id)
        if found.wants_rollback and self._before:
            previous = self._before.pop()
            self._tell(at_ms, "rollback", f"{account.bundle.id} rolled back: {found.sentence}", previous.id)
            self._enthrone(previous, at_ms)
            account.swap(previous)
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


def _gain(curve: EquityCurve, from_ms: int, until_ms: int) -> float:
    """Return the net return of a curve between two times; 0 where it does not reach back so far."""
    times, equity = daily_equity(curve)
    first, last = np.searchsorted(times, (from_ms, until_ms), side="right") - 1
    if first < 0 or last <= first:
        return 0.0
    return float(equity[last] / equity[first] - 1.0)


def wanted_borders(start_ms: int, end_ms: int, months: int) -> Sequence[int]:
    """Return the times of the scheduled trainings in [start, end)."""
    borders = [start_ms]
    while (following := next_month(borders[-1], months)) < end_ms:
        borders.append(following)
    return borders
