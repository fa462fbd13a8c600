"""Sequences: a dataset's segments with a return for each horizon, and labels only where they were known.

The last target is the logarithm of the volatility to come over today's. Where one horizon is forecast, a second one
stands beside it: both make the first easier to learn. Knows nothing of torch.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from strategies.features.rolling import logarithm
from strategies.market import CLOSE
from training.data.dataset import Dataset, Segment
from training.data.labels import forward_return
from training.families.lstm.chunks import LabelledSequence

_FLOOR: Final = 1e-12  # of a variance of log returns


def labelled_sequences(
    dataset: Dataset, *, until_ms: int, second_horizon_bars: int, context_bars: int, since_ms: int | None = None
) -> list[LabelledSequence]:
    """Return what may be learnt by `until_ms`, a sequence for each segment that has a label.

    Args:
        dataset: of one timeframe, any number of markets.
        until_ms: labels must be settled by then; subtract the embargo before.
        second_horizon_bars: of the volatility to come, and of the second target where one horizon is forecast.
        context_bars: unlabelled bars kept before the first label, to warm the state.
        since_ms: earliest open of a labelled bar.
    """
    sequences = []
    for segment in dataset.segments:
        targets = _targets(dataset, segment, second_horizon_bars, until_ms)
        targets[~segment.is_warm] = np.nan
        if since_ms is not None:
            targets[segment.open_ms < since_ms] = np.nan
        labelled = np.flatnonzero(np.isfinite(targets).any(1))
        if len(labelled):
            rows = slice(max(0, int(labelled[0]) - context_bars), int(labelled[-1]) + 1)
            sequences.append(LabelledSequence(features=segment.features[rows], targets=targets[rows]))
    return sequences


def _targets(dataset: Dataset, segment: Segment, second: int, until_ms: int) -> np.ndarray:
    """Return (n, heads) float32; NaN where a label is settled after `until_ms`."""
    more = dataset.all_horizons[1:]
    columns = [(segment.target, segment.label_end_ms)]
    for bars in more:
        columns.append(dataset.labelling.label(segment.candles, segment.sigma, bars, dataset.timeframe))
    later, later_end_ms = forward_return(segment.candles, segment.sigma, second, dataset.timeframe)
    columns += [] if more else [(later, later_end_ms)]
    columns.append((log_volatility_to_come(segment.candles, segment.sigma, second), later_end_ms))
    known = [np.where(end_ms <= until_ms, values, np.nan) for values, end_ms in columns]
    return np.column_stack(known).astype(np.float32)


def log_volatility_to_come(candles: np.ndarray, sigma: np.ndarray, horizon_bars: int) -> np.ndarray:
    """Return ln(root mean square of the next `horizon_bars` log returns / sigma), (n,) float64; NaN where unknown."""
    closes = logarithm(np.ascontiguousarray(candles[:, CLOSE]))
    squares = np.concatenate([[0.0, 0.0], np.cumsum(np.diff(closes) ** 2)])  # [i + 1]: of the returns up to bar i
    result = np.full(len(candles), np.nan)
    known = len(candles) - horizon_bars
    if known > 0:
        means = (squares[1 + horizon_bars :] - squares[1 : 1 + known]) / horizon_bars
        result[:known] = np.log(np.sqrt(means + _FLOOR) / sigma[:known])
    return result
