"""Score columns: the other families' out-of-fold scores, laid beside the features for PPO to learn from.

A family that was shown scores by models which had learnt the very bars would learn to trust them blindly. So every row
of scores comes with the time by which all that its models had learnt from was known, and rows that they had seen are
refused. Later folds add rows; they change none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from strategies.errors import BadInput
from strategies.market import DAY_MS
from training.data.dataset import Dataset, Segment

if TYPE_CHECKING:
    pass


def with_scores(
    dataset: Dataset, families: Sequence[str], scores: Sequence[np.ndarray], known_by_ms: Sequence[np.ndarray]
) -> Dataset:
    """Return the dataset with scores of other families beside its features, row by row.

    Args:
        families: the K names.
        scores: for each segment (n, K) float64; NaN where there is none.
        known_by_ms: for each segment (n,) int64: by when all that taught the models behind a row's scores was known.

    Raises:
        BadInput: a row was scored by a model that may have learnt from what came after its close, or rows are missing.
    """
    segments = []
    for segment, rows, known in zip(dataset.segments, scores, known_by_ms, strict=True):
        if rows.shape != (len(segment.target), len(families)):
            raise BadInput(
                f"{segment.symbol}: found scores of shape {rows.shape} beside {len(segment.target):,} bars; "
                f"{len(families)} columns and a row for each are needed"
            )
        seen = np.isfinite(rows).any(axis=1) & (known >= segment.open_ms + dataset.timeframe.ms)
        if seen.any():
            raise BadInput(
                f"{segment.symbol}: {int(seen.sum()):,} of {len(rows):,} bars are scored by models that learnt from "
                "what was known at or after their close; scores out of fold are needed"
            )
        segments.append(replace(segment, others=rows))
    return replace(dataset, segments=tuple(segments), others=tuple(families))


def without_scores(dataset: Dataset) -> Dataset:
    """Return the dataset with features alone."""
    return replace(dataset, segments=tuple(replace(part, others=None) for part in dataset.segments), others=())


def scored_days(dataset: Dataset, until_ms: int) -> float:
    """Return how many days before a time have scores of the others, in the market that has most."""
    bars = dict.fromkeys(dataset.symbols, 0)
    for segment in dataset.segments:
        bars[segment.symbol] += int((is_scored(segment) & (segment.open_ms < until_ms)).sum())
    return max(bars.values()) * dataset.timeframe.ms / DAY_MS


def is_scored(segment: Segment) -> np.ndarray:
    """Return (n,) bool: all others have scored the bar."""
    if segment.others is None:
        return np.zeros(len(segment.target), bool)
    found: np.ndarray = np.isfinite(segment.others).all(axis=1)
    return found
