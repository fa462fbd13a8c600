"""The trials of a study: proposed, judged, pruned and written here; their folds are fitted and scored by workers.

Optuna's study and the trial ledger are touched by this process alone, so workers may run on other machines.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from storage.config.tree import Config
from storage.lazy import lazily
from storage.models.trial_log import Trial as Tried
from storage.models.trial_log import record_trial
from strategies.market import HOUR_MS
from strategies.oversight.skill import information_coefficient
from training.data.dataset import Dataset
from training.data.market_scores import MarketScores
from training.data.splits import Fold, recent_folds
from training.ensemble.families import choose
from training.ensemble.out_of_fold import walk
from training.ensemble.voters import makers
from training.evidence.trial_ledger import recipe_digest
from training.runtime.compute import Compute, threads_of, working
from training.tuning.heartbeat import beating
from training.tuning.search_space import ONE_SEED, SPACES, configured
from training.tuning.test_mode import SMALL

with lazily():
    import optuna
    from optuna.trial import TrialState

if TYPE_CHECKING:
    from optuna import Study, Trial

STARTUP_TRIALS: Final = 5  # drawn at random, and never pruned
REFIT_MONTHS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRequest:
    """What a tuning was asked for.

    Attributes:
        trials: in all, those of an interrupted study included.
        years: of the walk forward that scores a trial, refitted yearly.
        resume: go on with the study of the same data and settings.
        started_ms: when the command began, for the ledger.
    """

    family: str
    trials: int
    years: float
    seed: int
    workers: int
    resume: bool
    test_mode: bool
    started_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """One trial as it ended; `state` is complete, pruned or fail."""

    number: int
    state: str
    ic: float
    params: dict[str, Any]
    seconds: float


def folds_of(dataset: Dataset, config: Config, years: float) -> list[Fold]:
    """Return the folds that score a trial: yearly refits, labels purged and an embargo before each."""
    embargo_ms = round(config.training.embargo_h * HOUR_MS)
    return recent_folds(dataset.from_ms, dataset.until_ms, months=REFIT_MONTHS, years=years, embargo_ms=embargo_ms)


def run_trials(
    study: Study,
    dataset: Dataset,
    config: Config,
    request: StudyRequest,
    missing: int,
    on_trial: Callable[[Scored], None],
) -> None:
    """Carry out so many trials: proposed, judged and written here, their folds fitted and scored by the workers."""
    shares = bool(config.training.studies)
    study.sampler = _sampler(request, len(study.get_trials(deepcopy=False)), alone=not shares and request.workers == 1)
    study.pruner = optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS)
    compute = compute_for(config, request.workers, missing)
    if compute.workers != 1:  # each fit on a core of its own
        config = config.model_copy(update={"training": config.training.model_copy(update={"threads": 1})})
    folds, clock = folds_of(dataset, config, request.years), time.perf_counter()
    under_way: dict[int, _UnderWay] = {}
    with (
        working(partial(_fold_scores, dataset, config, request), compute) as work,
        beating(study._storage, lambda: [found.trial._trial_id for found in list(under_way.values())]),
    ):

        def begin() -> None:
            trial = study.ask()
            if trial.number >= request.trials:  # another tuner was quicker
                study.tell(trial, state=_state("fail"))
                return
            if shares:  # tuners of one seed propose different settings
                study.sampler = _sampler(request, trial.number, alone=False)
            under_way[trial.number] = _UnderWay(trial=trial, changes=_proposed(trial, request))
            work.begin(trial.number, (under_way[trial.number].changes, folds[0]))

        try:
            for _ in range(min(missing, work.size)):
                begin()
            left = missing - len(under_way)
            while under_way:
                number, runs = work.next()
                found = under_way[number]
                state = found.heard(runs, len(folds))
                if state is None:
                    work.begin(number, (found.changes, folds[found.folds]))
                    continue
                del under_way[number]
                told = study.tell(found.trial, found.ic if state == "complete" else None, state=_state(state))
                at_ms = request.started_ms + round(1000 * (time.perf_counter() - clock))
                record_trial(_ledger_line(dataset, config, request, scored_of(told), at_ms), config.paths.runs)
                on_trial(scored_of(told))
                if left and len(study.get_trials(deepcopy=False)) < request.trials:  # other tuners count, too
                    left -= 1
                    begin()
        finally:
            end_interrupted(study, set(under_way))


def _sampler(request: StudyRequest, number: int, *, alone: bool) -> Any:
    return optuna.samplers.TPESampler(
        seed=request.seed + 1000 * number, n_startup_trials=STARTUP_TRIALS, constant_liar=not alone
    )


def compute_for(config: Config, workers: int, missing: int) -> Compute:
    """Return who carries out a study: no more processes of this machine than trials."""
    training = config.training
    if training.backend == "loky":
        workers = min(threads_of(workers), max(missing, 1))
    return Compute(backend=training.backend, address=training.address, workers=workers)


@dataclass(slots=True, kw_only=True)
class _UnderWay:
    """A trial whose folds are scored one after the other."""

    trial: Trial
    changes: dict[str, Any]
    runs: list[MarketScores] = field(default_factory=list)
    folds: int = 0
    ic: float = float("nan")

    def heard(self, runs: Sequence[MarketScores], count: int) -> str | None:
        """Take the scores of a fold; return how the trial ended, None: it goes on."""
        self.runs += runs
        self.folds += 1
        self.ic = _pooled_ic(self.runs)
        if not np.isfinite(self.ic):
            self.ic = 0.0  # the same score everywhere: no skill
        self.trial.report(self.ic, self.folds)
        if self.trial.should_prune():
            return "pruned"
        return "complete" if self.folds == count else None


def _state(name: str) -> Any:
    return TrialState[name.upper()]


def _proposed(trial: Trial, request: StudyRequest) -> dict[str, Any]:
    """Return the settings that a trial tries."""
    changes = SPACES[request.family](trial) | ONE_SEED if request.family != "ridge" else SPACES["ridge"](trial)
    return changes | (SMALL[request.family] if request.test_mode else {})


def _fold_scores(
    dataset: Dataset, config: Config, request: StudyRequest, unit: tuple[dict[str, Any], Fold]
) -> list[MarketScores]:
    """Return the out-of-fold scores of one proposal on one fold."""
    changes, fold = unit
    [family] = choose([request.family], makers(configured(config, request.family, changes), request.seed))
    return list(walk(dataset, [family], [fold]))


def _pooled_ic(runs: Sequence[MarketScores]) -> float:
    scores = np.concatenate([run.scores[:, 0] for run in runs])
    return information_coefficient(scores, np.concatenate([run.target for run in runs]))


def _ledger_line(dataset: Dataset, config: Config, request: StudyRequest, scored: Scored, at_ms: int) -> Tried:
    recipe = {
        "family": request.family,
        "params": scored.params,
        "settings": getattr(config, request.family).model_dump(mode="json"),
        "features": dataset.features.fingerprint,
        "timeframe": dataset.timeframe.value,
        "horizon_bars": dataset.horizon_bars,
    }
    kind = f"tune {request.family}"
    return Tried(at_ms=at_ms, kind=kind, recipe=recipe_digest(recipe), params=scored.params, ic=scored.ic)


def end_interrupted(study: Study, own: Collection[int] | None = None) -> None:
    """Count trials that a killed process left running as failed.

    Args:
        own: the numbers of those that may be meant; None: all.
    """
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if own is not None and trial.number not in own:
            continue  # another tuner's
        study.tell(trial.number, state=TrialState.FAIL)


def scored_of(trial: Any) -> Scored:
    values = [value for _, value in sorted(trial.intermediate_values.items())]
    ic = trial.value if trial.value is not None else values[-1] if values else float("nan")
    seconds = trial.duration.total_seconds() if trial.duration else 0.0
    return Scored(
        number=trial.number, state=trial.state.name.lower(), ic=float(ic), params=dict(trial.params), seconds=seconds
    )
