"""Classification rows: the labelled rows of a task, from a dataset's segments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from strategies.errors import BadInput
from strategies.market import OPEN_MS, CandleArray
from strategies.patterns import Pattern, find_patterns
from training.data.dataset import Dataset, Segment
from training.families.xgboost import pattern_features, trend_labels
from training.families.xgboost.classifier import LabelledRows, Task
from training.families.xgboost.invented_charts import invented

NONE: Final = "none"


def classes_of(task: Task) -> tuple[str, ...]:
    """Return the names of a task's classes, by index."""
    if task == "trend_classification":
        return trend_labels.NAMES
    return (NONE, *(pattern.name.lower() for pattern in Pattern))


def columns_of(task: Task, dataset: Dataset) -> tuple[str, ...]:
    """Return the names of a task's feature columns."""
    return dataset.features.names if task == "trend_classification" else pattern_features.NAMES


def rows_of(task: Task, dataset: Dataset, horizon_bars: int) -> LabelledRows:
    """Return every row that has a label, in market order, then time.

    Args:
        horizon_bars: of the trend to come; patterns are labelled when they are confirmed.

    Raises:
        BadInput: there is none.
    """
    parts = [
        _trend_rows(segment, dataset, horizon_bars)
        if task == "trend_classification"
        else _pattern_rows(segment, dataset)
        for segment in dataset.segments
    ]
    if not sum(len(part) for part in parts):
        raise BadInput(f"{task}: found no labelled row; a longer history is needed")
    return pooled(parts)


def _trend_rows(segment: Segment, dataset: Dataset, horizon_bars: int) -> LabelledRows:
    labels, label_end_ms = trend_labels.trend_labels(segment.candles, segment.sigma, horizon_bars, dataset.timeframe)
    rows = _rows(segment, dataset, segment.features, labels, label_end_ms, np.zeros(len(labels), np.int8))
    return rows.where((labels != trend_labels.UNKNOWN) & segment.is_warm)


def _pattern_rows(segment: Segment, dataset: Dataset) -> LabelledRows:
    labels, side = labelled(segment.candles)
    label_end_ms = segment.open_ms + dataset.timeframe.ms  # known at the close
    features = pattern_features.pattern_features(segment.candles)
    rows = _rows(segment, dataset, features, labels, label_end_ms, side)
    return rows.where(np.arange(len(labels)) >= pattern_features.WARM_UP_BARS)


def labelled(candles: CandleArray) -> tuple[np.ndarray, np.ndarray]:
    """Return the (n,) int8 pattern confirmed at each close, 0 where none is, and which way it points."""
    labels, side = np.zeros((2, len(candles)), np.int8)
    for hit in find_patterns(candles)[::-1]:  # of several at one close the rarest stays: it stands first
        labels[hit["confirm"]], side[hit["confirm"]] = hit["pattern"], hit["side"]
    return labels, side


def invented_rows(
    dataset: Dataset, symbols: Sequence[str], from_ms: int, until_ms: int, copies: int, rng: np.random.Generator
) -> LabelledRows | None:
    """Return rows of charts invented from the candles of [from, until) of some markets; None where there are none."""
    parts = []
    for segment in dataset.segments:
        inside = (segment.open_ms >= from_ms) & (segment.open_ms + dataset.timeframe.ms <= until_ms)
        if segment.symbol not in symbols or not inside.any():
            continue
        for candles in invented(segment.candles[inside], copies, rng):
            labels, side = labelled(candles)
            open_ms = candles[:, OPEN_MS].astype(np.int64)
            rows = LabelledRows(
                features=pattern_features.pattern_features(candles),
                labels=labels,
                symbols=np.full(len(labels), dataset.symbols.index(segment.symbol), np.int64),
                open_ms=open_ms,
                label_end_ms=open_ms + dataset.timeframe.ms,
                forward=np.full(len(labels), np.nan),
                side=side,
            )
            parts.append(rows.where(np.arange(len(labels)) >= pattern_features.WARM_UP_BARS))
    return pooled(parts) if parts else None


def pooled(parts: Sequence[LabelledRows]) -> LabelledRows:
    """Return the rows of all parts, one after the other."""
    names = LabelledRows.__dataclass_fields__
    return LabelledRows(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def _rows(
    segment: Segment,
    dataset: Dataset,
    features: np.ndarray,
    labels: np.ndarray,
    label_end_ms: np.ndarray,
    side: np.ndarray,
) -> LabelledRows:
    return LabelledRows(
        features=features,
        labels=labels,
        symbols=np.full(len(labels), dataset.symbols.index(segment.symbol), np.int64),
        open_ms=segment.open_ms,
        label_end_ms=label_end_ms,
        forward=segment.target,
        side=side,
    )
