"""Market source of the built-in exchange: instruments, candles of any time, funding.

A source is a function of time: it answers for past and future alike and knows no clock. The chart (`chart.py`) cuts its
answers at the market clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from strategies.market import HOUR_MS, OPEN_MS, VOLUME, CandleArray, Market

EMPTY: CandleArray = np.empty((0, 6))


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """A listed market: the grid it trades on, how its numbers are printed, and since when it exists."""

    market: Market
    base: str
    price_decimals: int
    quantity_decimals: int
    onboard_ms: int
    delivery_ms: int = 0  # when it will end, as announced; 0: nothing is announced

    @property
    def symbol(self) -> str:
        return self.market.symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What `/sigma/v1/market` tells about a source. `edge` is "none" or names the planted regularity."""

    name: str
    kind: Literal["generated", "replay"]
    edge: str
    seed: int | None


class MarketSource(Protocol):
    """A market as a function of time.

    Attributes:
        description: what it is, for people and for the stored clock (another market, another clock).
        instruments: by symbol, in listing order.
        start_ms: where the market clock begins, on the minute.
        end_ms: the clock stops here; None: endless.
    """

    description: Description
    instruments: dict[str, Instrument]
    start_ms: int
    end_ms: int | None

    def instrument_at(self, symbol: str, ms: int) -> Instrument | None:
        """Return an instrument as it is listed at a time; None: not yet, or no longer."""

    def minutes(self, symbol: str, start_ms: int, end_ms: int) -> CandleArray:
        """Return the 1m candles with start_ms <= open_ms < end_ms, ascending; real gaps stay gaps."""

    def hours(self, symbol: str, start_ms: int, end_ms: int) -> CandleArray:
        """Return the 1h candles with start_ms <= open_ms < end_ms.

        Each is the exact sum of its minutes where those exist.
        """

    def funding(self, symbol: str, start_ms: int, end_ms: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (n,) settlement times and (n,) float rates with start_ms <= time < end_ms."""


def aggregate(candles: CandleArray, interval_ms: int, quantity_decimals: int) -> CandleArray:
    """Return coarser candles; volumes are summed on the lot grid so that binary fractions leave no residue.

    Args:
        candles: (n, 6) ascending, each lying within one interval.
        interval_ms: length of the result's candles.
        quantity_decimals: digits of a lot.
    """
    if not len(candles):
        return EMPTY
    opens = (candles[:, OPEN_MS] // interval_ms) * interval_ms
    first = np.flatnonzero(np.r_[True, opens[1:] != opens[:-1]])
    last = np.r_[first[1:], len(candles)] - 1
    coarse = np.empty((len(first), 6))
    coarse[:, OPEN_MS] = opens[first]
    coarse[:, 1] = candles[first, 1]
    coarse[:, 2] = np.maximum.reduceat(candles[:, 2], first)
    coarse[:, 3] = np.minimum.reduceat(candles[:, 3], first)
    coarse[:, 4] = candles[last, 4]
    coarse[:, VOLUME] = np.round(np.add.reduceat(candles[:, VOLUME], first), quantity_decimals)
    return coarse


def hour_of(ms: int) -> int:
    """Return the open of the hour that contains `ms`."""
    return ms - ms % HOUR_MS
