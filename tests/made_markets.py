"""Made-up candles for tests: a random walk, or one with a planted edge, always from a seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from strategies.market import HOUR_MS, CandleArray

START_MS = 1_600_000_000_000 // HOUR_MS * HOUR_MS
SHARED = Path(__file__).parents[1].parent / "shared" / "data"


def random_candles(
    bars: int, seed: int = 0, *, step_ms: int = HOUR_MS, start_ms: int = START_MS, edge: float = 0.0
) -> CandleArray:
    """Return (bars, 6) candles; with an edge, each return leans to the sign of the last 24 bars' momentum."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_t(5, bars) * 0.006
    returns = np.zeros(bars)
    for i in range(bars):
        momentum = returns[max(0, i - 24) : i].sum() / (0.006 * np.sqrt(24))
        returns[i] = noise[i] + edge * 0.006 * np.tanh(2 * momentum)
    close = 30_000.0 * np.exp(np.cumsum(returns))
    opening = np.concatenate([[30_000.0], close[:-1]])
    high = np.maximum(opening, close) * np.exp(np.abs(rng.normal(0, 0.002, bars)))
    low = np.minimum(opening, close) * np.exp(-np.abs(rng.normal(0, 0.002, bars)))
    open_ms = start_ms + np.arange(bars, dtype=np.float64) * step_ms
    return np.column_stack([open_ms, opening, high, low, close, rng.lognormal(3, 1, bars)])


def mirrored(candles: CandleArray) -> CandleArray:
    """Return the market turned upside down: prices become 1 / price."""
    image = candles.copy()
    image[:, 1], image[:, 4] = 1e9 / candles[:, 1], 1e9 / candles[:, 4]
    image[:, 2], image[:, 3] = 1e9 / candles[:, 3], 1e9 / candles[:, 2]
    return image


def real_candles(name: str = "BTCUSDT_1h_futures") -> CandleArray:
    """Return recorded candles, or skip the test where they are not at hand."""
    path = SHARED / "candles" / f"{name}.parquet"
    if not path.is_file():
        pytest.skip(f"recorded candles {path.name} are not here")
    import pandas

    found: CandleArray = pandas.read_parquet(path).to_numpy(np.float64)
    return found
