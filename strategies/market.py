"""Markets, timeframes, integer money: what is traded and in which units.

What everything is counted in: prices are whole ticks, quantities whole lots, cash whole units of 1e-8 quote.
Knows nothing of exchanges' APIs, files or time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, Literal, Self

import numpy as np

UNITS_PER_QUOTE: Final = 100_000_000  # one cash unit is 1e-8 of the quote currency
RATE_ONE: Final = 100_000_000  # rates (fees, slippage, funding, stop distances) are integers of 1e-8
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000

OPEN_MS, OPEN, HIGH, LOW, CLOSE, VOLUME = range(6)  # columns of a (n, 6) float64 candle array
CandleArray = np.ndarray  # (n, 6) float64: open_ms, open, high, low, close, volume; ascending, closed


def typed_symbol(text: str) -> str:
    """Return the symbol that a person typed: btcusdt is BTCUSDT, but kPEPEUSDC and AAPLxUSD are spelled so."""
    text = text.strip()
    return text.upper() if text == text.lower() else text


class Timeframe(StrEnum):
    """Length of a candle. `ms` is its length in milliseconds."""

    M1 = "1m"
    M5 = "5m"
    M15 = "15m"
    H1 = "1h"
    H4 = "4h"
    D1 = "1d"

    @property
    def ms(self) -> int:
        return _TIMEFRAME_MS[self.value]

    def open_of(self, ms: int) -> int:
        """Return the open of the candle that contains `ms`."""
        return ms - ms % self.ms


_TIMEFRAME_MS: Final = {
    "1m": MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "1h": HOUR_MS,
    "4h": 4 * HOUR_MS,
    "1d": DAY_MS,
}


class UnsupportedMarket(ValueError):
    """A market whose arithmetic cannot be exact in int64, or whose specification is incomplete."""


class MarketStatus(StrEnum):
    """Whether an account may enter a market, and whether it is watched at all."""

    TRADING = "trading"
    HALTED = "halted"  # the exchange has stopped it: no entries, the mark is stale, exits wait for its return
    LEAVING = "leaving"  # no entries; it is gone once what is held was closed
    GONE = "gone"  # left the account: flat, not watched; its index stays its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """One tradable market and its rules: the grid of its prices and quantities, minimums, funding, status.

    `unit_value` is the cash value of one tick times one lot, in units of 1e-8 quote; it must be a whole number >= 1.
    """

    exchange: str
    symbol: str  # canonical, "BTCUSDT"; ccxt symbols exist in the feed adapter only
    kind: Literal["futures", "spot"] = "futures"
    tick: Decimal
    lot: Decimal
    contract_size: Decimal = Decimal(1)
    min_lots: int = 1
    min_notional_units: int = 0
    funding_interval_ms: int = 8 * HOUR_MS  # 0: the market pays no funding
    fee_e8: int = -1  # taker fee, fraction x 1e8; -1: as configured
    slippage_e8: int = -1  # of a market order, fraction x 1e8; -1: as configured
    max_leverage: int = 0  # 0: the exchange states none
    status: MarketStatus = MarketStatus.TRADING

    def __post_init__(self) -> None:
        if self.tick <= 0 or self.lot <= 0 or self.contract_size <= 0:
            raise UnsupportedMarket(
                f"{self.symbol}: tick {self.tick}, lot {self.lot}, contract {self.contract_size} must be > 0"
            )
        value = self.tick * self.lot * self.contract_size * UNITS_PER_QUOTE
        if value != int(value) or value < 1:
            raise UnsupportedMarket(
                f"{self.symbol}: tick {self.tick} x lot {self.lot} x contract {self.contract_size} "
                f"is {value} cash units; "
                "a whole number >= 1 is needed"
            )

    @property
    def id(self) -> str:
        return f"{self.exchange}:{self.symbol}:{self.kind}"

    @property
    def is_member(self) -> bool:
        """Whether it belongs to the account: watched, marked, and counted in 1/N."""
        return self.status is not MarketStatus.GONE

    @property
    def unit_value(self) -> int:
        return int(self.tick * self.lot * self.contract_size * UNITS_PER_QUOTE)

    def ticks(self, prices: np.ndarray | float) -> np.ndarray:
        """Return prices as int64 ticks, rounded to the nearest."""
        numerator, denominator = self.tick.as_integer_ratio()
        return np.rint(np.asarray(prices, np.float64) * denominator / numerator).astype(np.int64)

    def lots(self, quantities: np.ndarray | float) -> np.ndarray:
        """Return quantities (base currency) as int64 lots, rounded to the nearest."""
        numerator, denominator = (self.lot * self.contract_size).as_integer_ratio()
        return np.rint(np.asarray(quantities, np.float64) * denominator / numerator).astype(np.int64)

    def price(self, ticks: np.ndarray | int) -> np.ndarray:
        """Return ticks as float64 prices, the nearest doubles: a price on the tick survives unchanged."""
        numerator, denominator = self.tick.as_integer_ratio()
        return np.asarray(ticks, np.int64) * numerator / denominator

    def quantity(self, lots: np.ndarray | int) -> np.ndarray:
        """Return lots as float64 quantities in base currency."""
        numerator, denominator = (self.lot * self.contract_size).as_integer_ratio()
        return np.asarray(lots, np.int64) * numerator / denominator

    def bars(self, candles: CandleArray) -> np.ndarray:
        """Return (n, 5) int64 bars (open, high, low, close in ticks, volume in lots) of (n, 6) float candles."""
        bars = np.empty((len(candles), 5), np.int64)
        bars[:, :4] = self.ticks(candles[:, OPEN:VOLUME])
        bars[:, 4] = self.lots(candles[:, VOLUME])
        return bars

    def candles(self, open_ms: np.ndarray, bars: np.ndarray) -> CandleArray:
        """Return (n, 6) float candles of (n, 5) int64 bars: the inverse of `bars` for prices on the tick."""
        candles = np.empty((len(bars), 6), np.float64)
        candles[:, OPEN_MS] = open_ms
        candles[:, OPEN:VOLUME] = self.price(bars[:, :4])
        candles[:, VOLUME] = self.quantity(bars[:, 4])
        return candles

    def document(self) -> dict[str, str | int]:
        """Return the market as plain JSON; what stands at its default since the first version is left out."""
        document: dict[str, str | int] = {
            "exchange": self.exchange,
            "symbol": self.symbol,
            "kind": self.kind,
            "tick": str(self.tick),
            "lot": str(self.lot),
            "contract_size": str(self.contract_size),
            "min_lots": self.min_lots,
            "min_notional_units": self.min_notional_units,
            "funding_interval_ms": self.funding_interval_ms,
        }
        if self.fee_e8 >= 0:
            document["fee_e8"] = self.fee_e8
        if self.slippage_e8 >= 0:
            document["slippage_e8"] = self.slippage_e8
        if self.max_leverage:
            document["max_leverage"] = self.max_leverage
        if self.status is not MarketStatus.TRADING:
            document["status"] = self.status.value
        return document

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> Self:
        """Return the market of a `document`, of this version or an earlier one."""
        return cls(
            exchange=str(document["exchange"]),
            symbol=str(document["symbol"]),
            kind="spot" if document["kind"] == "spot" else "futures",
            tick=Decimal(document["tick"]),
            lot=Decimal(document["lot"]),
            contract_size=Decimal(document["contract_size"]),
            min_lots=int(document["min_lots"]),
            min_notional_units=int(document["min_notional_units"]),
            funding_interval_ms=int(document["funding_interval_ms"]),
            fee_e8=int(document.get("fee_e8", -1)),
            slippage_e8=int(document.get("slippage_e8", -1)),
            max_leverage=int(document.get("max_leverage", 0)),
            status=MarketStatus(document.get("status", MarketStatus.TRADING)),
        )
