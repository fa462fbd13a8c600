"""The closed candle as it travels through the feed: from a frame or a REST row to the account minute.

Prices are still floats, as the exchange printed them; `Market.ticks` makes them whole at the barrier.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedCandle:
    """One closed candle of one market.

    Attributes:
        symbol: canonical, "BTCUSDT".
        open_ms: open, on the timeframe's grid.
        values: open, high, low, close in quote; volume in base currency.
    """

    symbol: str
    open_ms: int
    values: tuple[float, float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A candle that the exchange sent again with other numbers; kept for the record, never applied."""

    symbol: str
    open_ms: int
    accepted: tuple[float, float, float, float, float]
    revised: tuple[float, float, float, float, float]
