"""Endless random walks with random access: chains of blocks, each drawn from a generator of its own.

A chain keeps the state at every block's start (a few hundred bytes) and the latest blocks themselves, so an hour of
2031 costs one pass over the years before it, once, and any other hour one block.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final, Generic, TypeVar

import numpy as np

from bot.simulator.market import paths
from bot.simulator.market.instruments import Temperament
from strategies.market import DAY_MS, HOUR_MS, MINUTE_MS, CandleArray, Market

BLOCK_HOURS: Final = 1024
BLOCK_MS: Final = BLOCK_HOURS * HOUR_MS
_CACHED_BLOCKS: Final = 64  # of one walk; 57 kB each
_LEAST_BLOCKS: Final = 3  # … where many walks share the room of eight
_HOURS_A_YEAR: Final = 8760
_TAIL: Final = 6.0  # degrees of freedom of the shocks
_HOURS_A_DAY: Final = 24

T = TypeVar("T")


def cached_blocks(walks: int) -> int:
    """Return how many blocks each of so many walks keeps."""
    return max(_LEAST_BLOCKS, min(_CACHED_BLOCKS, 8 * _CACHED_BLOCKS // max(walks, 1)))


def draws(seed: int, name: str, block: int) -> np.random.Generator:
    """Return the generator that belongs to a named block and to nothing else."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, zlib.crc32(name.encode()), block])))


class Chain(Generic[T]):
    """Blocks of which each continues from the state its predecessor left.

    Args:
        first_block: where the chain begins.
        state: the state at its start.
        walk: draws block number k, changing the state it is given to the one at the block's end.
        cached: blocks that are kept.
    """

    def __init__(
        self, first_block: int, state: np.ndarray, walk: Callable[[int, np.ndarray], T], cached: int = _CACHED_BLOCKS
    ) -> None:
        self.first_block = first_block
        self._states = [state]
        self._walk = walk
        self._cached = lru_cache(maxsize=cached)(self._drawn)

    def block(self, number: int) -> T:
        """Return block `number`, walking the chain up to it when it was never reached before."""
        for missing in range(self.first_block + len(self._states) - 1, number):
            self._cached(missing)
        return self._cached(number)

    def _drawn(self, number: int) -> T:
        exchange_info = number - self.first_block
        state = self._states[exchange_info].copy()
        block = self._walk(number, state)
        if exchange_info + 1 == len(self._states):
            self._states.append(state)
        return block


class Weather:
    """What all instruments share: the common shock and the market-wide log volatility of each hour."""

    def __init__(self, seed: int, first_block: int) -> None:
        self._seed = seed
        self._chain: Chain[tuple[np.ndarray, np.ndarray]] = Chain(first_block, np.zeros(2), self._walk)

    def block(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (BLOCK_HOURS,) shocks of unit variance and (BLOCK_HOURS,) log volatility multipliers."""
        return self._chain.block(number)

    def _walk(self, number: int, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rng = draws(self._seed, "weather", number)
        return _fat_tailed(rng), paths.walk_volatility(state, rng.standard_normal((BLOCK_HOURS, 2)))


class Walk:
    """One instrument's hours and minutes."""

    def __init__(
        self,
        seed: int,
        market: Market,
        listed_ms: int,
        temperament: Temperament,
        edge: float,
        weather: Weather,
        cached: int = _CACHED_BLOCKS,
    ) -> None:
        self._seed, self._market, self._weather, self._edge = seed, market, weather, edge
        self._correlation = temperament.correlation
        self._sigma = temperament.annual_volatility / np.sqrt(_HOURS_A_YEAR)
        self._anchor_ticks = temperament.anchor_price / float(market.tick)
        self._lots_per_hour = temperament.hourly_turnover / temperament.anchor_price / float(market.lot)
        self._chain: Chain[tuple[np.ndarray, np.ndarray, np.ndarray]] = Chain(
            listed_ms // BLOCK_MS, np.zeros(paths.STATE), self._walk, cached
        )
        self.candles = lru_cache(maxsize=cached)(self._candles)

    def blocks(self, start_ms: int, end_ms: int) -> Iterable[int]:
        """Return the numbers of the blocks that touch [start_ms, end_ms), from the listing on."""
        return range(max(self._chain.first_block, start_ms // BLOCK_MS), -(-end_ms // BLOCK_MS))

    def momenta(self, block: int) -> np.ndarray:
        """Return (BLOCK_HOURS,) momentum over 72 h at each hour's open, in deviations."""
        return self._chain.block(block)[2]

    def minutes(self, day_ms: int) -> CandleArray:
        """Return the 1,440 minutes of the day that opens at `day_ms`."""
        block, first = divmod(day_ms // HOUR_MS, BLOCK_HOURS)
        hours, deviations, _ = self._rows(block, first, min(first + _HOURS_A_DAY, BLOCK_HOURS))
        if first + _HOURS_A_DAY > BLOCK_HOURS:
            more, more_deviations, _ = self._rows(block + 1, 0, first + _HOURS_A_DAY - BLOCK_HOURS)
            hours, deviations = np.concatenate((hours, more)), np.concatenate((deviations, more_deviations))
        rng = draws(self._seed, f"{self._market.symbol} minutes", day_ms // DAY_MS)
        shape = (_HOURS_A_DAY, 60)
        steps, weights = rng.standard_normal(shape), 0.1 + rng.gamma(1.5, 1.0, shape)
        bars = paths.split_hours(hours, deviations, steps, weights, 0.6 * rng.standard_exponential((*shape, 2)))
        return self._market.candles(day_ms + np.arange(len(bars)) * MINUTE_MS, bars)

    def _rows(self, block: int, first: int, last: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        bars, deviations, momenta = self._chain.block(block)
        return bars[first:last], deviations[first:last], momenta[first:last]

    def _candles(self, block: int) -> CandleArray:
        opens = block * BLOCK_MS + np.arange(BLOCK_HOURS) * HOUR_MS
        return self._market.candles(opens, self._chain.block(block)[0])

    def _walk(self, number: int, state: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rng = draws(self._seed, self._market.symbol, number)
        common_shock, common_volatility = self._weather.block(number)
        return paths.walk_hours(
            state,
            common_shock,
            common_volatility,
            _fat_tailed(rng),
            rng.standard_normal(BLOCK_HOURS),
            1.0 - rng.random((BLOCK_HOURS, 2)),
            rng.standard_normal(BLOCK_HOURS),
            self._sigma,
            self._correlation,
            self._edge,
            self._anchor_ticks,
            self._lots_per_hour,
        )


def _fat_tailed(rng: np.random.Generator) -> np.ndarray:
    """Return a block of Student shocks scaled to unit variance."""
    found: np.ndarray = rng.standard_t(_TAIL, BLOCK_HOURS) * np.sqrt((_TAIL - 2) / _TAIL)
    return found
