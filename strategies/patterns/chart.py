"""Candles as pattern rules read them: prices, their average true range, tolerances, and the same upside down.

Every rule is written once, for one direction; the other direction is the same rule on the flipped chart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from strategies.features.rolling import rolling_mean
from strategies.market import CLOSE, HIGH, LOW, OPEN, VOLUME, CandleArray
from strategies.patterns.pivots import Pivots, zigzag

ATR_BARS: Final = 48
LEAST_ATR: Final = 1e-6  # of the price: a market that never moved has no patterns, but divides by nothing
TOLERANCE_ATR: Final = 0.6  # two prices are equal when each lies within this of their average ...
TOLERANCE_SHARE: Final = 0.015  # ... or within this share of the price, whichever is less (Lo, Mamaysky & Wang 2000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Columns of (n,) float64, and the pivots.

    Attributes:
        atr: average true range of the last `ATR_BARS` bars; NaN before.
        tolerance: how far a price may lie from the average of two that count as equal.
        sign: +1, or -1 where all prices are negated.
    """

    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray
    atr: np.ndarray
    tolerance: np.ndarray
    pivots: Pivots
    sign: int = 1

    def flipped(self) -> Chart:
        """Return the chart upside down: tops become bottoms."""
        return replace(
            self,
            open=-self.open,
            high=-self.low,
            low=-self.high,
            close=-self.close,
            pivots=self.pivots.flipped(),
            sign=-self.sign,
        )


def chart_of(candles: CandleArray) -> Chart:
    """Return the chart of (n, 6) contiguous candles."""
    columns = [np.ascontiguousarray(candles[:, column]) for column in range(6)]
    high, low, close = columns[HIGH], columns[LOW], columns[CLOSE]
    before = np.concatenate([close[:1], close[:-1]])
    ranges = np.maximum(high, before) - np.minimum(low, before)
    atr = np.maximum(rolling_mean(ranges, ATR_BARS), LEAST_ATR * close)
    return Chart(
        open=columns[OPEN],
        high=high,
        low=low,
        close=close,
        volume=columns[VOLUME],
        atr=atr,
        tolerance=np.minimum(TOLERANCE_SHARE * close, TOLERANCE_ATR * atr),
        pivots=zigzag(high, low, atr),
    )
