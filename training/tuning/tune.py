"""Tuning: Optuna proposes settings, the purged walk forward scores them, hopeless ones are stopped after a fold.

A study lives in a SQLite file under runs/tune, or in the PostgreSQL that `[training] studies` names, where many tuners
share it (Optuna's tables hold numbers and JSON; its journal storage, which can unpickle, is not used). A killed study
goes on where it was. Every trial, pruned ones too, is written to the trial
ledger: the best of many looks better than it is, and significance has to know of how many.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from storage.config.tree import Config
from storage.durable import folder_lock
from storage.lazy import lazily
from strategies.bundle.calibration import OVERLAP
from strategies.errors import BadInput
from training.data.dataset import Dataset
from training.tuning.study_storage import study_storage
from training.tuning.study_trials import Scored, StudyRequest, end_interrupted, folds_of, run_trials, scored_of

with lazily():
    import optuna


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
    dataset: Dataset, config: Config, request: StudyRequest, on_trial: Callable[[Scored], None] = lambda scored: None
) -> Tuned:
    """Run a study to its number of trials.

    Args:
        on_trial: told about every trial as it ends.

    Raises:
        BadInput: the study exists and `resume` was not asked for, or the history is too short.
        StorageFailed: another process runs this study.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    name = study_name(dataset, config, request)
    folder = config.paths.runs / "tune" / name
    shares = bool(config.training.studies)  # a database, where other tuners may work on the same study
    with nullcontext() if shares else folder_lock(folder, patience_s=0.2):
        storage = study_storage(config.training, folder)
        known = name in optuna.get_all_study_names(storage)
        if known and not request.resume:
            where = "in [training] studies" if shares else f"under {folder}"
            raise BadInput(f"study {name} exists {where}; --resume goes on with it, another --seed begins a new one")
        study = optuna.create_study(study_name=name, storage=storage, direction="maximize", load_if_exists=True)
        if shares:
            optuna.storages.fail_stale_trials(study)  # of tuners that gave no sign of life; the others' go on
        else:
            end_interrupted(study)
        missing = max(0, request.trials - len(study.get_trials(deepcopy=False)))
        run_trials(study, dataset, config, request, missing, on_trial)
        trials = tuple(scored_of(trial) for trial in study.get_trials(deepcopy=False))
    return Tuned(study=name, folder=folder, trials=trials, null_deviation=_null_deviation(dataset, config, request))


def study_name(dataset: Dataset, config: Config, request: StudyRequest) -> str:
    """Return the family and a digest of everything that a trial's score depends on besides its own settings."""
    document = {
        "data": dataset.data_hash,
        "settings": getattr(config, request.family).model_dump(mode="json"),
        "years": request.years,
        "seed": request.seed,
        "test_mode": request.test_mode,
    }
    return f"{request.family}-{hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:12]}"


def line(scored: Scored) -> str:
    """Return a trial as one line."""
    params = ", ".join(f"{name} {_short(value)}" for name, value in scored.params.items())
    return f"trial {scored.number} {scored.state} IC {scored.ic:+.4f} | {params} | {scored.seconds:.1f} s"


def _null_deviation(dataset: Dataset, config: Config, request: StudyRequest) -> float:
    """Return 1 / sqrt(independent labels): overlapping ones hold one observation in 1.6 horizons."""
    first_ms = folds_of(dataset, config, request.years)[0].start_ms
    rows = sum(int((np.isfinite(part.target) & (part.open_ms >= first_ms)).sum()) for part in dataset.segments)
    return float(np.sqrt(OVERLAP * dataset.horizon_bars / max(rows, 1)))


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
