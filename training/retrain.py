"""THE SECOND PATH, one function per arrow: train, calibrate, check, gate.

    dataset -> train and calibrate out of fold -> integrity, leakage -> gate against the champion -> verdict

Storing and promoting are the caller's. A candidate that is rejected is a normal end: it comes back with its reasons.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from storage.registry import Registry
from strategies.bundle import Bundle, assemble
from strategies.errors import BundleRefused
from strategies.market import DAY_MS
from training import gate, leakage
from training.bundle import Plan, TrainedBundle, recipe_id, train, walk_folds
from training.dataset import Dataset
from training.families import ModelFamily
from training.gate import Case, Rule, Verdict
from training.likeness import Reign, likeness, recorded_convictions, targets, twin_of
from training.out_of_fold import FoldReport, information_coefficient

YEAR_D: Final = 365  # of the fallback ladder

Check = Callable[[TrainedBundle, Dataset], Rule]


@dataclass(frozen=True, slots=True, kw_only=True)
class Champion:
    """The bundle in production, and who decided before it."""

    bundle: Bundle
    reigns: tuple[Reign, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How far a retraining is: `done` of `total` fits."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrained:
    """A candidate and what becomes of it."""

    trained: TrainedBundle
    verdict: Verdict


def retrain(
    dataset: Dataset,
    plan: Plan,
    champion: Champion | None,
    *,
    checks: Sequence[Check] = (),
    on_step: Callable[[Step], None] = lambda _: None,
) -> Retrained:
    """Train a candidate and judge it.

    Args:
        dataset: all that may be seen.
        plan: families and settings; their digest is the recipe.
        champion: in production, None: the trend rule decides.
        checks: more rules to ask of the candidate, such as the leakage check.
        on_step: told after every fit.

    Raises:
        BadInput: the history is too short for a walk forward.
    """
    case = case_of(dataset, plan, champion)
    steps = _Steps(plan, len(walk_folds(dataset, plan)), case, on_step)
    trained = train(dataset, plan, steps.on_fold)
    steps.fitted("trained on everything")
    extra = (check_integrity(trained, dataset), *(check(trained, dataset) for check in checks))
    if case == "refresh" and champion is not None:
        verdict = judge_refresh(trained, dataset, plan, champion, extra)
        steps.fitted("compared with the champion")
    else:
        verdict = gate.judge_recipe(case, trained.verdict, plan.validation, extra)
    return Retrained(trained=trained, verdict=verdict)


def case_of(dataset: Dataset, plan: Plan, champion: Champion | None) -> Case:
    """Return which gate a candidate of this plan will stand before."""
    if champion is None:
        return "first"
    return "refresh" if champion.bundle.manifest.recipe == recipe_id(dataset, plan) else "changed_recipe"


def check_integrity(trained: TrainedBundle, dataset: Dataset) -> Rule:
    """Unpack the candidate as the daemon will: checksums, fingerprint, probes, exchange."""
    try:
        assemble(trained.files, trained.id, verify=True, exchange=dataset.exchange)
    except BundleRefused as error:
        return gate.integrity(str(error))
    return gate.integrity()


def leakage_check(families: Sequence[ModelFamily]) -> Check:
    """Return the check that asks a recipe the known-answer questions, in their quick profile."""

    def ask(_trained: TrainedBundle, dataset: Dataset) -> Rule:
        report = leakage.check(
            families, dataset.features, dataset.timeframe, dataset.horizon_bars, candles=dataset.segments[-1].candles
        )
        words = f"leakage: {report.sentence}"
        return Rule(name="leakage", passed=report.passed, found=None, needed="no leak", sentence=words)

    return ask


def judge_refresh(
    trained: TrainedBundle, dataset: Dataset, plan: Plan, champion: Champion, extra: Sequence[Rule]
) -> Verdict:
    """Lay a candidate of the champion's recipe beside the champion."""
    window_d = plan.validation.refresh_window_d
    border_ms = dataset.until_ms - window_d * DAY_MS - plan.embargo_ms
    runs = [part.run for part in trained.scales.convictions]
    twin = twin_of(trained.bundle, dataset, plan.families, border_ms, runs)
    found = likeness(trained.bundle, champion.bundle, champion.reigns, twin, dataset, window_d)
    return gate.judge_refresh(found, plan.validation, extra)


def champion_of(registry: Registry, exchange: str, window_d: int, until_ms: int) -> Champion | None:
    """Return the champion with the reigns of the last `window_d` days; None while the trend rule decides.

    A bundle that does not load any more (another version's features) counts as absent: it can be compared with
    nothing, and the next candidate is a first one.
    """
    history = registry.history(exchange)
    if not history or history[-1].bundle is None:
        return None
    try:
        bundle = registry.get(history[-1].bundle, exchange)
    except BundleRefused:
        return None
    from_ms = until_ms - window_d * DAY_MS
    ends = [later.since_ms for _, later in pairwise(history)] + [until_ms]
    reigns = []
    for move, end_ms in zip(history, ends, strict=True):
        if move.bundle is None or end_ms <= from_ms:
            continue
        try:
            decided = bundle if move.bundle == bundle.id else registry.get(move.bundle, exchange)
        except BundleRefused:
            continue
        reigns.append(Reign(bundle=decided, from_ms=move.since_ms, until_ms=end_ms))
    return Champion(bundle=bundle, reigns=tuple(reigns))


def recent_ic(champion: Champion | None, dataset: Dataset) -> float:
    """Return the IC of the convictions that decided in the last 12 months; NaN before there are 12 months of them.

    This is what the fallback ladder looks at: closes that a bundle had seen in training do not count.
    """
    until_ms = dataset.until_ms
    from_ms = until_ms - YEAR_D * DAY_MS
    if champion is None or not champion.reigns or champion.reigns[0].from_ms > from_ms:
        return float("nan")
    recorded = recorded_convictions(champion.reigns, dataset, from_ms, until_ms)
    return information_coefficient(recorded, targets(dataset, from_ms, until_ms))


class _Steps:
    """Counts the fits of a retraining: those of the walk forward, those on everything, and the twin's."""

    def __init__(self, plan: Plan, folds: int, case: Case, on_step: Callable[[Step], None]) -> None:
        self._families = len(plan.families)
        self._total = self._families * (folds + 1 + (case == "refresh"))
        self._done = 0
        self._on_step = on_step

    def on_fold(self, report: FoldReport) -> None:
        self._done += 1
        stage = f"fold {report.number} of {report.folds}: {report.family} IC {report.ic:+.3f}"
        self._on_step(Step(stage=stage, done=self._done, total=self._total))

    def fitted(self, stage: str) -> None:
        self._done += self._families
        self._on_step(Step(stage=stage, done=self._done, total=self._total))
