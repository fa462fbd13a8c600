"""Tuning: Optuna proposes settings, the purged walk forward scores them, hopeless ones are stopped after a fold.

A study lives in a SQLite file under runs/tune (Optuna's tables hold numbers and JSON; its journal storage, which can
unpickle, is not used). A killed study goes on where it was. Every trial, pruned ones too, is written to the trial
ledger: the best of many looks better than it is, and significance has to know of how many.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from storage.config.tree import Config
from storage.durable import folder_lock
from storage.models.trial_log import Trial as Tried
from storage.models.trial_log import record_trial
from strategies.errors import BadInput
from strategies.market import HOUR_MS
from strategies.oversight.skill import information_coefficient
from training.data.dataset import Dataset
from training.data.market_scores import MarketScores
from training.data.splits import Fold, recent_folds
from training.ensemble.families import choose
from training.ensemble.out_of_fold import walk
from training.ensemble.voters import makers
from training.evidence.trial_ledger import recipe_digest
from training.runtime.compute import fan_out, threads_of
from training.tuning.search_space import ONE_SEED, SPACES, configured
from training.tuning.test_mode import SMALL

if TYPE_CHECKING:
    from optuna import Study, Trial

STARTUP_TRIALS: Final = 5  # drawn at random, and never pruned
REFIT_MONTHS: Final = 12
_BUSY_S: Final = 60.0  # that a worker waits for the study's file


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """A finished tuning.

    Attributes:
        study: its name.
        trials: in order of their numbers.
        null_deviation: of the IC of a score without skill on these rows.
    """

    study: str
    folder: Path
    trials: tuple[Scored, ...]
    null_deviation: float

    @property
    def ranked(self) -> list[Scored]:
        """Complete trials, the best first."""
        return sorted((t for t in self.trials if t.state == "complete"), key=lambda t: (-t.ic, t.number))


def tune(
    dataset: Dataset, config: Config, request: Request, on_trial: Callable[[Scored], None] = lambda scored: None
) -> Tuned:
    """Run a study to its number of trials.

    Args:
        on_trial: told about every trial; only in this process (`workers` 1) about each at once.

    Raises:
        BadInput: the study exists and `resume` was not asked for, or the history is too short.
        StorageFailed: another process runs this study.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    name = study_name(dataset, config, request)
    folder = config.paths.runs / "tune" / name
    with folder_lock(folder, patience_s=0.2):
        storage = _storage(folder)
        known = name in optuna.get_all_study_names(storage)
        if known and not request.resume:
            raise BadInput(
                f"study {name} exists under {folder}; --resume goes on with it, another --seed begins a new one"
            )
        study = optuna.create_study(study_name=name, storage=storage, direction="maximize", load_if_exists=True)
        _end_interrupted(study)
        missing = max(0, request.trials - len(study.get_trials(deepcopy=False)))
        workers = min(threads_of(request.workers), max(missing, 1))
        shares = [missing // workers + (index < missing % workers) for index in range(workers)]
        if workers > 1:  # each on a core of its own
            config = config.model_copy(update={"training": config.training.model_copy(update={"threads": 1})})
        work = partial(_work, dataset, config, request, name, folder, on_trial if workers == 1 else None)
        fan_out(work, list(enumerate(shares)), workers=workers, backend=config.training.backend)
        trials = tuple(_scored(trial) for trial in study.get_trials(deepcopy=False))
    return Tuned(study=name, folder=folder, trials=trials, null_deviation=_null_deviation(dataset, config, request))


def study_name(dataset: Dataset, config: Config, request: Request) -> str:
    """Return the family and a digest of everything that a trial's score depends on besides its own settings."""
    document = {
        "data": dataset.data_hash,
        "settings": getattr(config, request.family).model_dump(mode="json"),
        "years": request.years,
        "seed": request.seed,
        "test_mode": request.test_mode,
    }
    return f"{request.family}-{hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:12]}"


def folds_of(dataset: Dataset, config: Config, years: float) -> list[Fold]:
    """Return the folds that score a trial: yearly refits, labels purged and an embargo before each."""
    embargo_ms = round(config.training.embargo_h * HOUR_MS)
    return recent_folds(dataset.from_ms, dataset.until_ms, months=REFIT_MONTHS, years=years, embargo_ms=embargo_ms)


def _work(
    dataset: Dataset,
    config: Config,
    request: Request,
    name: str,
    folder: Path,
    on_trial: Callable[[Scored], None] | None,
    share: tuple[int, int],
) -> None:
    """Run one worker's share of the trials: (its number, how many)."""
    import optuna

    from training.runtime.progress import say

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    worker, trials = share
    study = optuna.load_study(study_name=name, storage=_storage(folder))
    began = len(study.get_trials(deepcopy=False))
    study.sampler = optuna.samplers.TPESampler(
        seed=request.seed + 1000 * began + worker, n_startup_trials=STARTUP_TRIALS, constant_liar=request.workers != 1
    )
    study.pruner = optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS)
    clock = time.perf_counter()

    def ended(study: Study, trial: Any) -> None:
        scored = _scored(trial)
        at_ms = request.started_ms + round(1000 * (time.perf_counter() - clock))
        record_trial(_ledger_line(dataset, config, request, scored, at_ms), config.paths.runs)
        if on_trial:
            on_trial(scored)
        else:
            say(line(scored))

    study.optimize(partial(_objective, dataset, config, request), n_trials=trials, callbacks=[ended])


def line(scored: Scored) -> str:
    """Return a trial as one line."""
    params = ", ".join(f"{name} {_short(value)}" for name, value in scored.params.items())
    return f"trial {scored.number} {scored.state} IC {scored.ic:+.4f} | {params} | {scored.seconds:.1f} s"


def _objective(dataset: Dataset, config: Config, request: Request, trial: Trial) -> float:
    """Return the out-of-fold IC of one proposal, pooled over folds and markets; prune between folds."""
    import optuna

    changes = SPACES[request.family](trial) | ONE_SEED if request.family != "ridge" else SPACES["ridge"](trial)
    if request.test_mode:
        changes |= SMALL[request.family]
    [family] = choose([request.family], makers(configured(config, request.family, changes), request.seed))
    runs: list[MarketScores] = []
    ic = float("nan")
    for number, fold in enumerate(folds_of(dataset, config, request.years), start=1):
        runs += walk(dataset, [family], [fold])
        ic = _pooled_ic(runs)
        if not np.isfinite(ic):
            ic = 0.0  # the same score everywhere: no skill
        trial.report(ic, number)
        if trial.should_prune():
            raise optuna.TrialPruned
    return ic


def _pooled_ic(runs: Sequence[MarketScores]) -> float:
    scores = np.concatenate([run.scores[:, 0] for run in runs])
    return information_coefficient(scores, np.concatenate([run.target for run in runs]))


def _ledger_line(dataset: Dataset, config: Config, request: Request, scored: Scored, at_ms: int) -> Tried:
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


def _storage(folder: Path) -> Any:
    from optuna.storages import RDBStorage

    return RDBStorage(f"sqlite:///{folder / 'study.db'}", engine_kwargs={"connect_args": {"timeout": _BUSY_S}})


def _end_interrupted(study: Study) -> None:
    """Count trials that a killed process left running as failed."""
    from optuna.trial import TrialState

    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)


def _scored(trial: Any) -> Scored:
    values = [value for _, value in sorted(trial.intermediate_values.items())]
    ic = trial.value if trial.value is not None else values[-1] if values else float("nan")
    seconds = trial.duration.total_seconds() if trial.duration else 0.0
    return Scored(
        number=trial.number, state=trial.state.name.lower(), ic=float(ic), params=dict(trial.params), seconds=seconds
    )


def _null_deviation(dataset: Dataset, config: Config, request: Request) -> float:
    """Return 1 / sqrt(independent labels): overlapping ones hold one observation in 1.6 horizons."""
    from strategies.bundle.calibration import OVERLAP

    first_ms = folds_of(dataset, config, request.years)[0].start_ms
    rows = sum(int((np.isfinite(part.target) & (part.open_ms >= first_ms)).sum()) for part in dataset.segments)
    return float(np.sqrt(OVERLAP * dataset.horizon_bars / max(rows, 1)))


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
