"""Candles and files for the tests of the candle store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from strategies.market import HOUR_MS, Timeframe

SHARED = Path(__file__).parents[3].parent / "shared" / "data"
START_MS = 1_717_200_000_000  # 2024-06-01 00:00 UTC


def walk(bars: int, timeframe: Timeframe = Timeframe.H1, start_ms: int = START_MS, seed: int = 1) -> np.ndarray:
    """Return (bars, 6) valid candles of a random walk from 100, contiguous."""
    rng = np.random.default_rng(seed)
    close = np.round(100 * np.exp(np.cumsum(rng.normal(0, 0.005, bars))), 2)
    opens = np.r_[100.0, close[:-1]]
    spread = np.round(rng.uniform(0, 0.5, (2, bars)), 2)
    candles = np.empty((bars, 6))
    candles[:, 0] = start_ms + timeframe.ms * np.arange(bars)
    candles[:, 1], candles[:, 4] = opens, close
    candles[:, 2] = np.maximum(opens, close) + spread[0]
    candles[:, 3] = np.minimum(opens, close) - spread[1]
    candles[:, 5] = np.round(rng.uniform(1, 100, bars), 3)
    return candles


def hours(*numbers: int) -> np.ndarray:
    """Return candles of the given hours (0 to 63) after START_MS, cut from one walk."""
    return walk(64)[list(numbers)]


def real_candles(name: str) -> np.ndarray:
    """Return a file of real candles as (n, 6), or skip the test where the files are absent."""
    path = SHARED / "candles" / f"{name}.parquet"
    if not path.exists():
        pytest.skip(f"real candles are not here: {path}")
    return np.column_stack([column.to_numpy().astype(np.float64) for column in pq.read_table(path).columns])


def real_file(name: str) -> Path:
    """Return the path of a real file of candles or funding, or skip the test where it is absent."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"real candles are not here: {path}")
    return path


__all__ = ["HOUR_MS", "START_MS", "hours", "real_candles", "real_file", "walk"]
