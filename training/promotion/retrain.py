"""Retraining, the second path, one function per arrow: train, calibrate, check, gate.

    dataset -> train and calibrate out of fold -> integrity, leakage -> gate against the champion -> verdict

Storing and promoting are the caller's. A candidate that is rejected is a normal end: it comes back with its reasons.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from storage.models.promotion import Promotion
from storage.models.registry import Registry
from strategies.bundle.bundle import Bundle, assemble
from strategies.errors import BundleRefused
from strategies.market import DAY_MS
from training.data.dataset import Dataset
from training.ensemble.bundle import TrainedBundle, train
from training.ensemble.fits import Fitted, Means
from training.ensemble.out_of_fold import FoldReport
from training.ensemble.plan import Plan, recipe_id
from training.families.interface import ModelFamily
from training.promotion import gate, leakage
from training.promotion.gate import Case, Rule, Verdict
from training.promotion.similarity import Reign, similarity, twin_border, twin_from

Check = Callable[[TrainedBundle, Dataset], Rule]


@dataclass(frozen=True, slots=True, kw_only=True)
class Champion:
    """The bundle in production, and who decided before it.

    Attributes:
        declared: where it is a first bundle of fewer families than were declared: those that were; else none.
        trained_ms: where the candles of the bundles of its recipe ended, its own among them.
    """

    bundle: Bundle
    reigns: tuple[Reign, ...]
    declared: tuple[str, ...] = ()
    trained_ms: tuple[int, ...] = ()


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
    again: bool = False,
    on_step: Callable[[Step], None] = lambda _: None,
    means: Means | None = None,
) -> Retrained:
    """Train a candidate and judge it.

    Args:
        dataset: all that may be seen.
        plan: families and settings; their digest is the recipe.
        champion: in production or on the bench; None: there is none.
        checks: more rules to ask of the candidate, such as the leakage check.
        again: the recipe stood before the recipe gate earlier and failed.
        on_step: told after every fit.
        means: cache and processes; none by default. They change no bit.

    Raises:
        BadInput: the history is too short for a walk forward.
    """
    case = case_of(dataset, plan, champion)
    steps, twin_ms = _Steps(on_step), None
    if case == "refresh" and champion is not None:
        twin_ms = twin_border(dataset, plan.validation.refresh_window_d, plan.embargo_ms, champion.trained_ms)
    means = replace(means or Means(), on_fit=steps.on_fit)
    trained = train(dataset, plan, steps.on_fold, means=means, earlier_ms=twin_ms)
    extra = (check_integrity(trained, dataset), *(check(trained, dataset) for check in checks))
    if case == "refresh" and champion is not None:
        verdict = judge_refresh(trained, dataset, plan, champion, extra)
    else:
        if case == "completion" and champion is not None:
            extra = (*extra, check_completion(trained, plan, champion))
        verdict = gate.judge_recipe(case, trained.verdict, plan.validation, extra, again=again)
    return Retrained(trained=trained, verdict=verdict)


def case_of(dataset: Dataset, plan: Plan, champion: Champion | None) -> Case:
    """Return which gate a candidate of this plan will stand before."""
    if champion is None:
        return "first"
    if champion.bundle.manifest.recipe == recipe_id(dataset, plan):
        return "refresh"
    return "completion" if _completes(dataset, plan, champion) else "changed_recipe"


def _completes(dataset: Dataset, plan: Plan, champion: Champion) -> bool:
    """Return whether a plan is the recipe that was declared when its part, the champion, went first."""
    manifest = champion.bundle.manifest
    part = [family for family in plan.families if family.name in manifest.families]
    is_declared = {family.name for family in plan.families} == set(champion.declared)
    return is_declared and recipe_id(dataset, replace(plan, families=part)) == manifest.recipe


def check_completion(trained: TrainedBundle, plan: Plan, champion: Champion) -> Rule:
    """Hold the out-of-fold ICs of a completed recipe and of the first bundle against each other."""
    scores = [bundle.manifest.out_of_fold for bundle in (trained.bundle, champion.bundle)]
    ours, theirs = (0.0 if part is None else part.ic for part in scores)
    return gate.completion(ours, theirs, plan.validation.refresh_ic_margin)


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
    """Lay a candidate of the champion's recipe beside the champion; it was trained with the models of its twin."""
    window_d = plan.validation.refresh_window_d
    twin = twin_from(trained.bundle, trained.earlier)
    found = similarity(trained.bundle, champion.bundle, champion.reigns, twin, dataset, window_d)
    return gate.judge_refresh(found, plan.validation, extra)


def champion_of(registry: Registry, exchange: str, window_d: int, until_ms: int) -> Champion | None:
    """Return the champion with its reigns and those before it in the last `window_d` days; None: there is none.

    On the bench it reigns on, though a fallback strategy trades. A bundle that does not load any more (another
    version's features) counts as absent: it can be compared with nothing, and the next candidate is a first one.
    """
    history = registry.history(exchange)
    if not history or history[-1].bundle is None:
        return None
    try:
        bundle = registry.get(history[-1].bundle, exchange)
    except BundleRefused:
        return None
    from_ms = until_ms - window_d * DAY_MS
    begins = _begins(history)
    reigns = []
    for move, begun_ms, end_ms in zip(history, begins, [*begins[1:], until_ms], strict=True):
        if move.bundle is None or end_ms <= from_ms:
            continue
        try:
            decided = bundle if move.bundle == bundle.id else registry.get(move.bundle, exchange)
        except BundleRefused:
            continue
        reigns.append(Reign(bundle=decided, from_ms=begun_ms, until_ms=end_ms))
    verdict = registry.verdict(bundle.id)
    declared = tuple(verdict.get("declared") or ()) if verdict.get("case") == "first" else ()
    return Champion(
        bundle=bundle, reigns=tuple(reigns), declared=declared, trained_ms=_trained(registry, exchange, bundle)
    )


def _trained(registry: Registry, exchange: str, champion: Bundle) -> tuple[int, ...]:
    """Return where the candles of the champion's recipe's bundles on an exchange ended, ascending."""
    ends = set()
    for name in registry.ids():
        try:
            manifest = registry.manifest(name)
        except BundleRefused:
            continue
        if manifest.recipe == champion.manifest.recipe and manifest.exchange == exchange:
            ends.add(manifest.trained_until_ms)
    return tuple(sorted(ends))


def failed_before(registry: Registry, recipe: str) -> bool:
    """Return whether a bundle of a recipe has stood before the recipe gate and was rejected for want of skill."""
    for path in sorted((registry.root / "verdicts").glob("*.json")):
        document = registry.verdict(path.stem)
        rules = document.get("verdict", {}).get("rules", ())
        lacked_skill = any(rule["name"] == "skill" and not rule["passed"] for rule in rules)
        if document.get("recipe") == recipe and lacked_skill:
            return True
    return False


def _begins(history: Sequence[Promotion]) -> list[int]:
    """Return when each move was made; one of unknown time counts from the move before it."""
    begins: list[int] = []
    for move in history:
        begins.append((begins[-1] if begins else 0) if move.since_ms is None else move.since_ms)
    return begins


class _Steps:
    """Counts the fits of a retraining: those of the walk forward, those on everything, and the twin's."""

    def __init__(self, on_step: Callable[[Step], None]) -> None:
        self._on_step = on_step
        self._done = self._total = 1

    def on_fit(self, fitted: Fitted) -> None:
        self._done, self._total = fitted.number, fitted.total
        how = "found again" if fitted.found else "fitted"
        until = f"{datetime.fromtimestamp(fitted.fold.train_until_ms / 1000, UTC):%Y-%m-%d}"
        self._on_step(Step(stage=f"{fitted.family} to {until} {how}", done=self._done, total=self._total))

    def on_fold(self, report: FoldReport) -> None:
        stage = f"fold {report.number} of {report.folds}: {report.family} IC {report.ic:+.3f}"
        self._on_step(Step(stage=stage, done=self._done, total=self._total))
