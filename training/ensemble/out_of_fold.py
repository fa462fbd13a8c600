"""Scores of the past by models that had not seen it: an expanding walk forward over a dataset.

Folds are scored through the predictors that live uses, on the anchored blocks that live uses. The result is one row per
labelled or unlabelled close, pooled over markets: the evidence that calibration, gates and the ledger of trials
stand on.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from strategies.bundle.files import npy_bytes
from strategies.oversight.skill import information_coefficient
from strategies.predictors.together import score_all
from training.data.coin_groups import Groups, one_group
from training.data.dataset import Dataset, Segment
from training.data.market_scores import MarketScores, prepare
from training.data.splits import Fold
from training.ensemble.sees_others import dataset_for
from training.families.fold_cache import scores_key
from training.families.interface import FittedModel, ModelFamily
from training.runtime.file_cache import FileCache


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldReport:
    """One family's fold, done: its number from 1 of `folds`, and the IC of its scores there."""

    family: str
    number: int
    folds: int
    start_ms: int
    end_ms: int
    ic: float


ROWS: Final = "rows.npy"
SCORES: Final = "scores.npy"
FoldDone = Callable[[FoldReport], None]
FoldFit = Callable[[ModelFamily, Dataset, Fold, int], FittedModel]


def fit_fold(family: ModelFamily, dataset: Dataset, fold: Fold, group: int = 0) -> FittedModel:
    """Return the family's model of a fold: fitted on what was known before it, within its window.

    Args:
        dataset: what teaches the group of coins number `group`.
    """
    return family.fit(dataset if fold.train_from_ms is None else dataset.since(fold.train_from_ms), fold.train_until_ms)


def walk(
    dataset: Dataset,
    families: Sequence[ModelFamily],
    folds: Sequence[Fold],
    on_fold: FoldDone | None = None,
    fit: FoldFit = fit_fold,
    groups: Groups = (),
    cache: FileCache | None = None,
) -> list[MarketScores]:
    """Return the out-of-fold scores of every close in the folds, a run per segment, in market order, then time.

    Args:
        dataset: all that may be seen; no fold sees more than its own past.
        groups: of coins left out: each is scored by models that none of its coins taught; (): nobody is left out.
        families: columns of the scores. PPO beside others learns from their scores of the folds before its own.
        folds: ascending, adjacent.
        on_fold: told about every fold of every family.
        fit: makes a fold's model, or finds it again.
        cache: where the scores of models that are kept are kept, too.
    """
    cache = cache or FileCache()
    scores = [np.full((len(s.target), len(families)), np.nan) for s in dataset.segments]
    known_by_ms = [np.zeros(len(s.target), np.int64) for s in dataset.segments]
    names = [family.name for family in families]
    for number, fold in enumerate(folds, start=1):
        before = _runs(dataset, scores, known_by_ms, folds[0].start_ms, fold.start_ms)
        for which, group in enumerate(groups or one_group(dataset.symbols)):
            taught = dataset.taught(group if groups else ())
            models = [fit(each, dataset_for(each, families, taught, before, names), fold, which) for each in families]
            for row, segment in enumerate(dataset.segments):
                if segment.symbol in group:
                    _score(scores[row], known_by_ms[row], models, fold, segment, dataset, cache)
        for index, family in enumerate(families):
            if on_fold:
                ic = _fold_ic([part[:, index] for part in scores], dataset, fold)
                on_fold(
                    FoldReport(
                        family=family.name,
                        number=number,
                        folds=len(folds),
                        start_ms=fold.start_ms,
                        end_ms=fold.end_ms,
                        ic=ic,
                    )
                )
    return _runs(dataset, scores, known_by_ms, folds[0].start_ms, folds[-1].end_ms)


def fit_all(
    families: Sequence[ModelFamily], dataset: Dataset, runs: Sequence[MarketScores], known_by_ms: int
) -> list[FittedModel]:
    """Return every family's model of what is known by a time.

    Args:
        runs: out-of-fold scores of the families; PPO beside others learns from those of the others.
    """
    names, taught = [family.name for family in families], dataset.taught()
    return [each.fit(dataset_for(each, families, taught, runs, names), known_by_ms) for each in families]


def _score(
    scores: np.ndarray,
    known_by_ms: np.ndarray,
    models: Sequence[FittedModel],
    fold: Fold,
    segment: Segment,
    dataset: Dataset,
    cache: FileCache,
) -> None:
    """Write the scores of a fold's closes into the rows of a segment, a column a model."""
    key = scores_key([getattr(model, "key", "") for model in models], segment, dataset, fold)
    kept = cache.find(key) if key else None
    if kept is None:
        rows, found = _scored(models, fold, segment, dataset)
        if key:
            cache.keep(key, {ROWS: npy_bytes(rows), SCORES: npy_bytes(found)})
    else:
        rows, found = (np.load(io.BytesIO(kept[name]), allow_pickle=False) for name in (ROWS, SCORES))
    scores[rows] = found
    known_by_ms[rows] = fold.train_until_ms


def _scored(
    models: Sequence[FittedModel], fold: Fold, segment: Segment, dataset: Dataset
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of a segment that close in a fold, and their scores, (rows, models)."""
    slices = prepare(segment, dataset, fold.start_ms, fold.end_ms)
    columns = score_all([model.predictor for model in models], slices)
    rows = [
        int(np.searchsorted(segment.candles[:, 0], part.candles[part.first, 0])) + np.arange(part.rows)
        for part in slices
    ]
    found = [np.concatenate([np.zeros(0), *column]) for column in columns]
    return np.concatenate([np.zeros(0, np.int64), *rows]), np.stack(found, axis=1)


def _fold_ic(scores: list[np.ndarray], dataset: Dataset, fold: Fold) -> float:
    pairs = []
    for column, segment in zip(scores, dataset.segments, strict=True):
        closed_ms = segment.open_ms + dataset.timeframe.ms
        inside = (closed_ms >= fold.start_ms) & (closed_ms < fold.end_ms)
        pairs.append((column[inside], segment.target[inside]))
    return information_coefficient(np.concatenate([pair[0] for pair in pairs]), np.concatenate([p[1] for p in pairs]))


def _runs(
    dataset: Dataset, scores: Sequence[np.ndarray], known_by_ms: Sequence[np.ndarray], first_ms: int, last_ms: int
) -> list[MarketScores]:
    """Return the rows that close in [first, last), a run per segment that has any."""
    runs = [
        _run(segment, rows, known, dataset, first_ms, last_ms)
        for segment, rows, known in zip(dataset.segments, scores, known_by_ms, strict=True)
    ]
    return [run for run in runs if len(run.open_ms)]


def _run(
    segment: Segment, scores: np.ndarray, known_by_ms: np.ndarray, dataset: Dataset, first_ms: int, last_ms: int
) -> MarketScores:
    closed_ms = segment.open_ms + dataset.timeframe.ms
    chosen = (closed_ms >= first_ms) & (closed_ms < last_ms)
    return MarketScores(
        symbol=segment.symbol,
        open_ms=segment.open_ms[chosen],
        scores=scores[chosen],
        target=segment.target[chosen],
        known_by_ms=known_by_ms[chosen],
        open=segment.open[chosen],
        close=segment.close[chosen],
        sigma=segment.sigma[chosen],
        volatility=segment.volatility[chosen],
    )
