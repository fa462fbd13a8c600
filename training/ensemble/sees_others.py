"""Stacked inputs: which family is shown the others' out-of-fold scores, laid beside its features in the dataset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from training.data.dataset import Dataset, Segment
from training.ensemble.joining import PPO, joins

if TYPE_CHECKING:
    from training.data.market_scores import MarketScores
    from training.families.interface import ModelFamily
from training.data.score_columns import with_scores


def sees_others(family: ModelFamily, families: Sequence[ModelFamily]) -> bool:
    """Whether a family is shown the scores of the others in a bundle: PPO beside others is."""
    return family.name == PPO and joins([each.name for each in families])


def dataset_for(
    family: ModelFamily,
    families: Sequence[ModelFamily],
    dataset: Dataset,
    runs: Sequence[MarketScores],
    names: Sequence[str],
) -> Dataset:
    """Return what a family of a bundle learns from: the dataset, with the scores of the others where it sees them.

    Args:
        families: of the bundle.
        runs: out-of-fold scores of the families `names`, of the others at least.
    """
    if not sees_others(family, families):
        return dataset
    shown = [each.name for each in families if each.name != PPO]
    columns = [list(names).index(name) for name in shown]
    scores, known_by_ms = [], []
    for segment in dataset.segments:
        rows, known = np.full((len(segment.target), len(shown)), np.nan), np.zeros(len(segment.target), np.int64)
        for run in runs:
            if run.symbol == segment.symbol:
                _lay(segment, run, columns, rows, known)
        scores.append(rows)
        known_by_ms.append(known)
    return with_scores(dataset, shown, scores, known_by_ms)


def _lay(segment: Segment, run: MarketScores, columns: list[int], rows: np.ndarray, known_by_ms: np.ndarray) -> None:
    """Write a run's scores into the rows of the segment that it comes from, by the time the bars open."""
    at = np.searchsorted(segment.open_ms, run.open_ms)
    inside = at < len(segment.open_ms)
    inside[inside] = segment.open_ms[at[inside]] == run.open_ms[inside]
    rows[at[inside]] = run.scores[inside][:, columns]
    known_by_ms[at[inside]] = run.known_by_ms[inside]
