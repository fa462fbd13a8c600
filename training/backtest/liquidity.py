"""What a market's slippage is likely to be, by how much of it is traded a day.

Classes, not a model: the spread of a perpetual on a large exchange and the depth for a small account go with its daily
turnover. The bounds are deliberately on the dear side of what order books showed; a flat 2 bp is right for the largest.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from strategies.market import CLOSE, DAY_MS, OPEN_MS, VOLUME
from training.backtest.run_candles import RunCandles

CLASSES: Final = ((1e9, 2.0), (3e8, 3.0), (1e8, 4.0), (3e7, 6.0), (1e7, 9.0), (0.0, 15.0))  # quote a day, bp a side


def slippage_bps(quote_a_day: float) -> float:
    """Return the slippage of a market order, basis points against us, of the class that a market belongs to."""
    return next(bps for least, bps in CLASSES if quote_a_day >= least)


def market_slippages(candles: RunCandles) -> np.ndarray:
    """Return (M,) basis points by each market's median daily turnover over the run."""
    return np.array([slippage_bps(daily_turnover(series, candles)) for series in candles.decision_candles])


def daily_turnover(series: np.ndarray, candles: RunCandles) -> float:
    """Return the median quote volume of a day over the run's decision candles; 0 without candles."""
    inside = series[series[:, OPEN_MS] >= candles.start_ms]
    if not len(inside):
        return 0.0
    days = (inside[:, OPEN_MS] // DAY_MS).astype(np.int64)
    return float(np.median(np.bincount(days - days[0], inside[:, VOLUME] * inside[:, CLOSE])))
