"""Values that tests of several rooms start from."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np

from strategies.market import Market, Timeframe

ROOT: Final = Path(__file__).parents[1]
SHARED_DATA: Final = ROOT.parent / "shared" / "data"
START_MS: Final = 1_735_689_600_000  # 2025-01-01 00:00 UTC, on every grid


def candles(count: int, *, timeframe: Timeframe = Timeframe.H1, seed: int = 1, start_ms: int = START_MS) -> np.ndarray:
    """Return (count, 6) contiguous candles of a seeded random walk around 100, prices on ticks of 0.01."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.005, count)))
    opened = np.concatenate([[100.0], close[:-1]])
    high = np.maximum(opened, close) * (1 + rng.exponential(0.002, count))
    low = np.minimum(opened, close) * (1 - rng.exponential(0.002, count))
    rows = np.empty((count, 6))
    rows[:, 0] = start_ms + np.arange(count) * timeframe.ms
    rows[:, 1:5] = np.stack([opened, high, low, close], axis=1).round(2)
    rows[:, 5] = rng.gamma(2.0, 50.0, count).round(3)
    return rows


def market(symbol: str = "BTCUSDT", *, exchange: str = "builtin", tick: str = "0.01", lot: str = "0.001") -> Market:
    """Return a futures market with an exact grid."""
    return Market(exchange=exchange, symbol=symbol, tick=Decimal(tick), lot=Decimal(lot))
