"""Made-up worlds for the promotion policy: correlated markets with no edge, or with one of a known size.

Half are drawn by the generator of the built-in exchange; half are recorded candles in which every hour's direction is
drawn anew, common to the coins, so that volatility clusters, correlations and candle shapes stay real. The planted
drift is a * sigma * tanh(2 * momentum of 24 hours) in both. Recorded worlds have three markets, generated
ones any number.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numba import njit

from bot.simulator.market import paths
from bot.simulator.market.instruments import listed, some_symbols
from bot.simulator.market.walks import BLOCK_HOURS, Weather, draws
from storage.candles.store import StoredCandles
from strategies.features import feature_set
from strategies.market import CLOSE, HOUR_MS, OPEN, CandleArray, Timeframe
from training.data.dataset import Dataset, market_segments

Kind = Literal["generated", "real"]

SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
BARS: Final = 60_000
HORIZON_BARS: Final = 12
START_MS: Final = 1_500_000_000_000 // HOUR_MS * HOUR_MS
RECORDED: Final = Path(__file__).parents[1].parent / "shared" / "data" / "candles"
_HOURS_A_YEAR: Final = 8760
_TAIL: Final = 6.0  # degrees of freedom, as in the built-in exchange
_HALF_LIFE_H: Final = 72.0


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One world: where its randomness comes from and how strong its edge is."""

    kind: Kind
    seed: int
    edge: float = 0.0
    markets: int = len(SYMBOLS)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Of its markets: the recorded three, or the first ones of the built-in exchange."""
        return SYMBOLS if self.markets == len(SYMBOLS) else some_symbols(self.markets)


def dataset_of(world: World, bars: int = BARS) -> Dataset:
    """Return a world as a dataset with the default features."""
    features, parts = feature_set(), []
    for symbol, candles in zip(world.symbols, candles_of(world, bars), strict=True):
        stored = StoredCandles(candles=candles, source=np.zeros(len(candles), np.uint8))
        parts += market_segments(symbol, stored, Timeframe.H1, features, HORIZON_BARS)
    return Dataset(
        exchange="world",
        symbols=world.symbols,
        timeframe=Timeframe.H1,
        features=features,
        horizon_bars=HORIZON_BARS,
        until_ms=START_MS + bars * HOUR_MS,
        segments=tuple(parts),
        data_hash=repr(world),
    )


def candles_of(world: World, bars: int = BARS) -> list[CandleArray]:
    """Return (bars, 6) hourly candles of each market."""
    made = _generated(world, bars) if world.kind == "generated" else _redrawn(world, bars)
    open_ms = START_MS + HOUR_MS * np.arange(bars, dtype=np.float64)
    return [np.column_stack([open_ms, part]) for part in made]


def are_recorded_here() -> bool:
    """Whether the recorded candles that real worlds are made of are at hand."""
    return all((RECORDED / f"{symbol}_1h_futures.parquet").is_file() for symbol in SYMBOLS)


def oracle_accuracy(candles: list[CandleArray]) -> float:
    """Return how often the sign of the 24 h momentum is the sign of the return of the 12 h from the next open on."""
    right = known = 0
    for part in candles:
        close, opens = np.log(part[:, CLOSE]), np.log(part[:, OPEN])
        momentum = close[24 : -HORIZON_BARS - 1] - close[: -HORIZON_BARS - 25]
        forward = opens[25 + HORIZON_BARS :] - opens[25:-HORIZON_BARS]
        moved = (momentum != 0) & (forward != 0)
        right += int((np.sign(momentum[moved]) == np.sign(forward[moved])).sum())
        known += int(moved.sum())
    return right / known


def edge_for(kind: Kind, accuracy: float, seed: int, worlds: int = 4) -> float:
    """Return the strength of drift at which the oracle is right as often as asked, by two secant steps."""
    low, high = 0.0, 0.04
    at_low = _mean_accuracy(kind, low, seed, worlds)
    for _ in range(2):
        at_high = _mean_accuracy(kind, high, seed, worlds)
        high = low + (accuracy - at_low) * (high - low) / (at_high - at_low)
    return high


def _mean_accuracy(kind: Kind, edge: float, seed: int, worlds: int) -> float:
    made = [World(kind=kind, seed=seed + number, edge=edge) for number in range(worlds)]
    return float(np.mean([oracle_accuracy(candles_of(world)) for world in made]))


def _generated(world: World, bars: int) -> list[np.ndarray]:
    """Return (bars, 5) candles, block by block; each block begins at the anchor, so that nothing ever pulls back."""
    weather = Weather(world.seed, 0)
    made = []
    for symbol, (instrument, temperament) in listed(world.symbols, "world").items():
        tick, lot = float(instrument.market.tick), float(instrument.market.lot)
        state, level, parts = np.zeros(paths.STATE), 1.0, []
        for block in range(-(-bars // BLOCK_HOURS)):
            rng = draws(world.seed, symbol, block)
            common, climate = weather.block(block)
            bars_of_block, _, _ = paths.walk_hours(
                state,
                common,
                climate,
                rng.standard_t(_TAIL, BLOCK_HOURS) * np.sqrt((_TAIL - 2.0) / _TAIL),
                rng.standard_normal(BLOCK_HOURS),
                1.0 - rng.random((BLOCK_HOURS, 2)),
                rng.standard_normal(BLOCK_HOURS),
                temperament.annual_volatility / np.sqrt(_HOURS_A_YEAR),
                temperament.correlation,
                world.edge,
                temperament.anchor_price / tick,
                temperament.hourly_turnover / temperament.anchor_price / lot,
            )
            parts.append(bars_of_block * np.array([level * tick] * 4 + [lot]))
            last = state[paths.MEMORY_HOURS - 1]
            level *= float(np.exp(last))
            state[: paths.MEMORY_HOURS] -= last
        made.append(np.concatenate(parts)[:bars])
    return made


def _redrawn(world: World, bars: int) -> list[np.ndarray]:
    """Return (bars, 5) candles: recorded ones in a circle from a random hour on, each hour up or down by a coin."""
    rng = np.random.default_rng([world.seed, 7])
    shapes = _recorded()
    hours = (rng.integers(len(shapes[0])) + np.arange(bars)) % len(shapes[0])
    signs = rng.choice(np.array([-1.0, 1.0]), bars)
    return [_turned(shape[hours], signs, world.edge) for shape in shapes]


@cache
def _recorded() -> tuple[np.ndarray, ...]:
    """Return per market (n, 6): gap to the open, body, high and low over the open as logs, volume, deviation."""
    import pyarrow.parquet as pq

    tables = [pq.read_table(RECORDED / f"{symbol}_1h_futures.parquet") for symbol in SYMBOLS]
    columns = [{name: table[name].to_numpy() for name in table.column_names} for table in tables]
    first = max(int(column["timestamp"][0]) for column in columns)
    last = min(int(column["timestamp"][-1]) for column in columns)
    shapes = []
    for column in columns:
        inside = (column["timestamp"] >= first) & (column["timestamp"] <= last)
        opens, high, low, close = (np.log(column[name][inside]) for name in ("open", "high", "low", "close"))
        gap = np.concatenate([[0.0], opens[1:] - close[:-1]])
        deviation = _deviation(np.concatenate([[0.0], np.diff(close)]))
        shapes.append(
            np.column_stack([gap, close - opens, high - opens, low - opens, column["volume"][inside], deviation])
        )
    return tuple(shapes)


@njit(cache=True)
def _deviation(returns: np.ndarray) -> np.ndarray:
    """Return the exponential deviation of the returns before each bar."""
    keep = 0.5 ** (1.0 / _HALF_LIFE_H)
    variance, out = 0.005**2, np.empty(len(returns))
    for i in range(len(returns)):
        out[i] = np.sqrt(variance)
        variance = keep * variance + (1.0 - keep) * returns[i] ** 2
    return out


@njit(cache=True)
def _turned(shape: np.ndarray, signs: np.ndarray, edge: float) -> np.ndarray:
    """Return (n, 5) candles of shapes, mirrored where the sign is -1, leaning to their own momentum by the edge."""
    out = np.empty((len(shape), 5))
    logs = np.zeros(len(shape) + 24)
    for i in range(len(shape)):
        at, sign = i + 24, signs[i]
        momentum = (logs[at - 1] - logs[at - 24]) / (shape[i, 5] * np.sqrt(24.0))
        drift = edge * shape[i, 5] * np.tanh(2.0 * momentum)
        opened = logs[at - 1] + sign * shape[i, 0]
        up = shape[i, 2] if sign > 0 else -shape[i, 3]
        down = shape[i, 3] if sign > 0 else -shape[i, 2]
        logs[at] = opened + sign * shape[i, 1] + drift
        out[i, 0] = 100.0 * np.exp(opened)
        out[i, 1] = 100.0 * np.exp(max(opened + up + max(drift, 0.0), logs[at], opened))
        out[i, 2] = 100.0 * np.exp(min(opened + down + min(drift, 0.0), logs[at], opened))
        out[i, 3] = 100.0 * np.exp(logs[at])
        out[i, 4] = shape[i, 4]
    return out
