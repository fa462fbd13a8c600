"""The trial ledger as evidence: walk-forwards written into it, and what was tried read back as aligned daily returns.

Every configuration that was ever scored counts, whether it was kept or not; retrainings of one recipe count once, by
the last of them. Runs under stress (higher costs, late decisions) choose nothing, so they are written down but not
counted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from storage.durable import replace_files
from storage.models.trial_log import Trial, read_trials, record_trial
from strategies.errors import StorageFailed
from strategies.market import DAY_MS

RETURNS_FOLDER: Final = "trials"
STRESSED: Final = " under stress"


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyReturns:
    """Net returns by UTC day.

    Attributes:
        days: (d,) int64 day numbers since the epoch, ascending; a return belongs to the day that it ends on or in.
        values: (d,) float64.
    """

    days: np.ndarray
    values: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What was tried before and beside a run.

    Attributes:
        recipes: number of different configurations, this one included.
        sharpes: annual Sharpe ratios of those that were traded, this one included.
        returns: (d, k) daily returns of those that cover the run's days; the last column is the run.
        peers: (d, j) the same of those on the same markets.
    """

    recipes: int
    sharpes: np.ndarray
    returns: np.ndarray
    peers: np.ndarray


def daily_of(samples: np.ndarray, returns: np.ndarray) -> DailyReturns:
    """Return the daily returns of (d + 1,) sample times in ms and the (d,) returns between them."""
    return DailyReturns(days=(np.asarray(samples[1:], np.int64) - 1) // DAY_MS, values=np.asarray(returns, np.float64))


def recipe_digest(document: Mapping[str, Any]) -> str:
    """Return the digest of everything that was chosen; retrainings with more data share it."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest()[:12]


def record(trial: Trial, returns: DailyReturns, folder: Path) -> Trial:
    """Write a trial with its daily returns and return it as written.

    Raises:
        StorageFailed: the folder cannot be written.
    """
    stacked = np.column_stack([returns.days.astype(np.float64), returns.values])  # (d, 2)
    name = f"{RETURNS_FOLDER}/{trial.recipe}-{hashlib.sha256(stacked.tobytes()).hexdigest()[:8]}.npy"
    path = folder / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageFailed(f"{path.parent} cannot be made: {error.strerror}") from error
    replace_files([(path, lambda target: _save(target, stacked))])
    written = Trial(
        at_ms=trial.at_ms,
        kind=trial.kind,
        recipe=trial.recipe,
        params=trial.params,
        ic=trial.ic,
        sharpe=trial.sharpe,
        daily_returns_file=name,
    )
    record_trial(written, folder)
    return written


def tried(recipe: str, symbols: Sequence[str], returns: DailyReturns, sharpe: float, folder: Path) -> Tried:
    """Return what the ledger of a runs folder holds beside a run.

    Args:
        recipe: of the run; its own earlier lines are left out.
        symbols: markets of the run.
        returns: of the run.
        sharpe: of the run, annual.
    """
    others = [trial for trial in latest(read_trials(folder)) if trial.recipe != recipe]
    columns, of_peers = [], []
    for trial in others:
        kept = kept_returns(trial, folder)
        column = None if kept is None else aligned(kept, returns.days)
        if column is not None:
            columns.append(column)
            of_peers += [column] if trial.params.get("symbols") == list(symbols) else []
    sharpes = [trial.sharpe for trial in others if trial.sharpe is not None] + [sharpe]
    return Tried(
        recipes=len(others) + 1,
        sharpes=np.array([value for value in sharpes if np.isfinite(value)]),
        returns=np.column_stack([*columns, returns.values]),
        peers=np.column_stack([*of_peers, returns.values]),
    )


def latest(trials: Sequence[Trial]) -> list[Trial]:
    """Return the last line of every recipe that was run without stress, in the order they were first tried."""
    last = {trial.recipe: trial for trial in trials if not trial.kind.endswith(STRESSED)}
    return list(last.values())


def kept_returns(trial: Trial, folder: Path) -> DailyReturns | None:
    """Return a trial's daily returns; None where none were kept or the file is gone."""
    if trial.daily_returns_file is None:
        return None
    try:
        stacked = np.load(folder / trial.daily_returns_file, allow_pickle=False)
    except (OSError, ValueError):
        return None
    if stacked.ndim != 2 or stacked.shape[1] != 2:
        return None
    return DailyReturns(days=stacked[:, 0].astype(np.int64), values=stacked[:, 1])


def aligned(returns: DailyReturns, days: np.ndarray) -> np.ndarray | None:
    """Return the returns on the given days; None unless every one of them is there."""
    rows = np.searchsorted(returns.days, days)
    if not len(returns.days) or int(rows.max(initial=0)) >= len(returns.days):
        return None
    return returns.values[rows] if np.array_equal(returns.days[rows], days) else None


def _save(path: Path, stacked: np.ndarray) -> None:
    with path.open("wb") as file:
        np.save(file, stacked, allow_pickle=False)
