"""Out-of-fold scores of a market, and the anchored slices that they are asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strategies.features import block_slices, compute, volatility
from strategies.predictors.base import PreparedSlice
from training.data.dataset import Dataset, Segment


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketScores:
    """Out-of-fold scores of one contiguous run of closes of one market; arrays have n rows.

    Attributes:
        open_ms: (n,) int64.
        scores: (n, K) float64, unscaled, in the order of the families; NaN where there is none.
        target: (n,) float64; NaN where not yet known.
        known_by_ms: (n,) int64, by when all that taught the models behind the scores was known; before the close.
        open, close: (n,) prices; `sigma`, `volatility`: (n,).
    """

    symbol: str
    open_ms: np.ndarray
    scores: np.ndarray
    target: np.ndarray
    known_by_ms: np.ndarray
    open: np.ndarray
    close: np.ndarray
    sigma: np.ndarray
    volatility: np.ndarray


def prepare(segment: Segment, dataset: Dataset, start_ms: int, end_ms: int) -> list[PreparedSlice]:
    """Return the anchored slices that ask for a segment's candles *closing* in [start, end), as live would see them."""
    timeframe = dataset.timeframe
    return [
        PreparedSlice(
            candles=part.candles,
            features=compute(part.candles, dataset.features, timeframe),
            sigma=deviations[0],
            volatility=deviations[1],
            first=part.first,
            symbol=segment.symbol,
        )
        for part in block_slices(segment.candles, timeframe, start_ms - timeframe.ms, end_ms - timeframe.ms)
        for deviations in [volatility(part.candles, timeframe)]
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Convictions:
    """Out-of-fold convictions of one run of closes, the expected returns they stand for, and how far PPO agrees with
    their sides; (n,) float64 each. `blended` is the voters' mean before it is smoothed.
    """

    run: MarketScores
    blended: np.ndarray
    conviction: np.ndarray
    expected_return: np.ndarray
    agreement: np.ndarray
