"""Feature drift: a stability index per feature against what chance shows between blocks of history.

Only directional features are watched: they are differences scaled by volatility. Levels wander by nature. The newest
block is held against the last one of training; the bound is what two random contiguous blocks of training differ by.
A market that is too young for that, or ended before the training did, is not watched: it would blind the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from strategies.features import FeatureSet
from strategies.market import DAY_MS, Timeframe
from strategies.oversight.drift_statistics import block_null, counts, holm, quantile_edges, stability_index
from training.data.dataset import Segment

SAMPLES: Final = 5_000
LEVEL: Final = 0.01  # family-wise, over all features
WINDOW_D: Final = 30
LEAST_D: Final = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureDrift:
    """One feature's stability index.

    Attributes:
        index: of the newest block against the last one of training, markets pooled.
        threshold: 99th percentile between random blocks of training.
        p_value: share of those at least as large.
        has_moved: rejected by Holm's procedure over all features.
    """

    name: str
    index: float
    threshold: float
    p_value: float
    has_moved: bool


def feature_drift(
    segments: Sequence[Segment],
    features: FeatureSet,
    timeframe: Timeframe,
    trained_until_ms: int,
    rng: np.random.Generator,
) -> tuple[FeatureDrift, ...]:
    """Return the drift of every directional feature; nothing while under a week has passed since the training.

    Args:
        segments: of the markets, training history and what came after it.
        trained_until_ms: closes after it are new.
    """
    grid, table = _table(_watched(segments, trained_until_ms), timeframe)  # (T,), (T, M, F)
    border = int(np.searchsorted(grid, trained_until_ms))
    bars_a_day = DAY_MS // timeframe.ms
    length = min(len(grid) - border, WINDOW_D * bars_a_day)
    if length < LEAST_D * bars_a_day or border < 2 * length:
        return ()
    columns = np.flatnonzero(features.directional)
    found = [_measure(table[:, :, column], border, length, rng) for column in columns]
    moved = holm(np.array([p_value for _, _, p_value in found]), LEVEL)
    return tuple(
        FeatureDrift(
            name=features.names[column], index=index, threshold=threshold, p_value=p_value, has_moved=bool(is_moved)
        )
        for column, (index, threshold, p_value), is_moved in zip(columns, found, moved, strict=True)
    )


def _watched(segments: Sequence[Segment], trained_until_ms: int) -> Sequence[Segment]:
    """Return the segments of markets that were warm two windows before the training ended and went on after it; all
    of them where there is no such market.
    """
    early_ms = trained_until_ms - 2 * WINDOW_D * DAY_MS
    old = {part.symbol for part in segments if part.is_warm.any() and part.open_ms[part.is_warm][0] <= early_ms}
    here = {part.symbol for part in segments if part.open_ms[-1] >= trained_until_ms}
    return [part for part in segments if part.symbol in old & here] or segments


def _measure(values: np.ndarray, border: int, length: int, rng: np.random.Generator) -> tuple[float, float, float]:
    """Return (index, threshold, p-value) of one feature, (T, M)."""
    history = values[:border]
    edges = quantile_edges(history)
    index = float(stability_index(counts(values[-length:], edges), counts(history[-length:], edges)))
    null = block_null(history, length, SAMPLES, rng)
    return index, float(np.quantile(null, 0.99)), float((1 + (null >= index).sum()) / (1 + len(null)))


def _table(segments: Sequence[Segment], timeframe: Timeframe) -> tuple[np.ndarray, np.ndarray]:
    """Return closes (T,) and features (T, M, F) from when all markets have been warm; NaN where one has no bar."""
    symbols = list(dict.fromkeys(segment.symbol for segment in segments))
    warm = [segment for segment in segments if segment.is_warm.any()]
    firsts = [
        min(int(part.open_ms[part.is_warm][0]) for part in warm if part.symbol == symbol)
        for symbol in symbols
        if any(part.symbol == symbol for part in warm)
    ]
    if len(firsts) < len(symbols):
        return np.zeros(0, np.int64), np.zeros((0, len(symbols), 0))
    first, last = max(firsts), max(int(part.open_ms[-1]) for part in segments)
    grid = np.arange(first, last + 1, timeframe.ms)
    table = np.full((len(grid), len(symbols), segments[0].features.shape[1]), np.nan, np.float32)
    for part in segments:
        inside = part.open_ms >= first
        table[(part.open_ms[inside] - first) // timeframe.ms, symbols.index(part.symbol)] = part.features[inside]
    return grid + timeframe.ms, table
