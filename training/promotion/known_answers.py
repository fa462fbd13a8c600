"""Made-up markets whose answer is known: random walks, in which there is nothing to find, and walks with an edge.

Correlated, fat-tailed, with clusters of volatility; the edge leans each return to the last 24 bars' momentum. Every
world comes from a seed. Used by the leakage check.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from storage.candles.store import StoredCandles
from strategies.features import FeatureSet
from strategies.market import CandleArray, Timeframe
from training.data.dataset import Dataset, market_segments

MARKETS: Final = 3
COMMON: Final = 0.6  # share of a return's variance that all markets have in common
MEMORY_BARS: Final = 24
TAIL: Final = 5.0  # degrees of freedom of the shocks
USUAL: Final = 0.006  # deviation of a bar's log return
START_MS: Final = 1_600_000_000_000


def world(
    bars: int, seed: int, features: FeatureSet, timeframe: Timeframe, horizon_bars: int, edge: float = 0.0
) -> Dataset:
    """Return the dataset of made-up markets.

    Args:
        bars: of each of the `MARKETS` markets.
        edge: a in the drift a * sigma * tanh(2 * momentum of 24 bars in deviations) of each bar; 0: nothing to find.
    """
    symbols = tuple(f"MADE{index}" for index in range(MARKETS))
    parts = []
    for symbol, candles in zip(symbols, world_candles(bars, seed, timeframe, edge), strict=True):
        stored = StoredCandles(candles=candles, source=np.zeros(bars, np.uint8))
        parts += market_segments(symbol, stored, timeframe, features, horizon_bars)
    return Dataset(
        exchange="made",
        symbols=symbols,
        timeframe=timeframe,
        features=features,
        horizon_bars=horizon_bars,
        until_ms=int(parts[0].open_ms[-1]) + timeframe.ms,
        segments=tuple(parts),
        data_hash=f"world {seed} {bars} {edge:g}",
    )


def world_candles(bars: int, seed: int, timeframe: Timeframe, edge: float = 0.0) -> list[CandleArray]:
    """Return (bars, 6) candles of each market; each opens where the one before closed."""
    rng = np.random.default_rng([seed, 20_240_701])
    common = _shocks(rng, bars)
    deviation = USUAL * np.exp(_calm(rng.standard_normal(bars)))
    open_ms = START_MS // timeframe.ms * timeframe.ms + timeframe.ms * np.arange(bars, dtype=np.float64)
    made = []
    for _ in range(MARKETS):
        shocks = np.sqrt(COMMON) * common + np.sqrt(1.0 - COMMON) * _shocks(rng, bars)
        logs = _leaning(shocks, deviation, edge)
        closes = 100.0 * np.exp(logs)
        opens = np.append(100.0, closes[:-1])
        wicks = np.abs(rng.standard_normal((2, bars))) * 0.4 * deviation
        high, low = np.maximum(opens, closes) * np.exp(wicks[0]), np.minimum(opens, closes) * np.exp(-wicks[1])
        volume = rng.lognormal(3.0, 0.5, bars) * (0.5 + np.abs(shocks))
        made.append(np.column_stack([open_ms, opens, high, low, closes, volume]))
    return made


def _shocks(rng: np.random.Generator, bars: int) -> np.ndarray:
    return np.asarray(rng.standard_t(TAIL, bars) * np.sqrt((TAIL - 2.0) / TAIL))


@njit(cache=True)
def _calm(noise: np.ndarray) -> np.ndarray:
    """Return (n,) log multipliers of the deviation: a mean-reverting walk that halves its distance in 4 days."""
    persistence = 0.5 ** (1.0 / 96.0)
    level, out = 0.0, np.empty(len(noise))
    for i in range(len(noise)):
        level = persistence * level + 0.35 * np.sqrt(1.0 - persistence**2) * noise[i]
        out[i] = level
    return out


@njit(cache=True)
def _leaning(shocks: np.ndarray, deviation: np.ndarray, edge: float) -> np.ndarray:
    """Return (n,) log prices of a walk whose steps lean to its momentum."""
    logs = np.zeros(len(shocks) + MEMORY_BARS)
    for i in range(len(shocks)):
        at = i + MEMORY_BARS
        momentum = (logs[at - 1] - logs[at - MEMORY_BARS]) / (deviation[i] * np.sqrt(MEMORY_BARS))
        logs[at] = logs[at - 1] + deviation[i] * (edge * np.tanh(2.0 * momentum) + shocks[i])
    return logs[MEMORY_BARS:]
