"""The instruments of the generated market: real names, grids and temperaments for the first, invented ones after.

Prices, ticks and lots are those of Binance's USDT-M contracts around 2025; the walk makes its own prices from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bot.simulator.market.source import Instrument
from strategies.errors import BadInput
from strategies.market import UNITS_PER_QUOTE, Market

MOST_SYMBOLS: Final = 500
_LISTED: Final = 11  # known markets that the demo lists at least: more may be traded while it runs
_MIN_NOTIONAL_QUOTE: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Temperament:
    """How a generated instrument moves.

    Attributes:
        anchor_price: the price around which the walk is free.
        annual_volatility: usual deviation of a year's log return, fraction.
        correlation: share of the variance that is the whole market's, 0..1.
        hourly_turnover: usual quote volume of an hour.
    """

    anchor_price: float
    annual_volatility: float
    correlation: float
    hourly_turnover: float


_Row = tuple[str, str, str, float, float, float, float, int]
_FEBRUARY_2020: Final = 1_580_515_200_000
_SEPTEMBER_2020: Final = 1_600_041_600_000
_JUNE_2023: Final = 1_685_577_600_000
# base, tick, lot, anchor price, annual volatility, correlation, hourly turnover, listed
_KNOWN: Final[tuple[_Row, ...]] = (
    ("BTC", "0.1", "0.001", 60_000, 0.55, 0.85, 6e8, _FEBRUARY_2020),
    ("ETH", "0.01", "0.001", 2_500, 0.75, 0.75, 5e8, _FEBRUARY_2020),
    ("SOL", "0.01", "0.01", 120, 0.95, 0.60, 2e8, _SEPTEMBER_2020),
    ("XRP", "0.0001", "0.1", 0.60, 0.90, 0.50, 8e7, _FEBRUARY_2020),
    ("BNB", "0.01", "0.01", 450, 0.65, 0.65, 5e7, _FEBRUARY_2020),
    ("ADA", "0.0001", "1", 0.50, 0.90, 0.60, 3e7, _FEBRUARY_2020),
    ("DOGE", "0.00001", "1", 0.12, 1.05, 0.50, 6e7, _SEPTEMBER_2020),
    ("LINK", "0.001", "0.01", 15, 0.95, 0.60, 2e7, _FEBRUARY_2020),
    ("AVAX", "0.001", "1", 30, 1.05, 0.60, 2e7, _SEPTEMBER_2020),
    ("LTC", "0.01", "0.001", 80, 0.80, 0.60, 2e7, _FEBRUARY_2020),
    ("SUI", "0.0001", "0.1", 3, 1.20, 0.50, 3e7, _JUNE_2023),
)


def listed(symbols: Sequence[str], exchange: str) -> dict[str, tuple[Instrument, Temperament]]:
    """Return the named instruments with their temperaments, in the order given.

    Args:
        symbols: canonical ids quoted in USDT; "T000USDT" .. "T499USDT" are invented ones for load tests.
        exchange: name that the markets bear.

    Raises:
        BadInput: an unknown symbol, none, or too many.
    """
    if not 1 <= len(symbols) <= MOST_SYMBOLS or len(set(symbols)) != len(symbols):
        raise BadInput(
            f"{len(symbols)} generated symbols, {len(set(symbols))} of them different; "
            f"1 to {MOST_SYMBOLS} different ones are needed"
        )
    return {symbol: _instrument(_row(symbol), exchange) for symbol in symbols}


def demo_symbols(traded: Sequence[str]) -> tuple[str, ...]:
    """Return what the demo lists where these markets are traded: they, and the well-known ones."""
    return tuple(dict.fromkeys((*traded, *some_symbols(_LISTED))))[:MOST_SYMBOLS]


def some_symbols(count: int) -> tuple[str, ...]:
    """Return `count` symbols, the well-known ones first."""
    known = [f"{row[0]}USDT" for row in _KNOWN]
    return tuple((known + [f"T{index:03d}USDT" for index in range(MOST_SYMBOLS)])[:count])


def _row(symbol: str) -> _Row:
    for row in _KNOWN:
        if symbol == f"{row[0]}USDT":
            return row
    base = symbol.removesuffix("USDT")
    if base == symbol or len(base) != 4 or base[0] != "T" or not base[1:].isdigit() or int(base[1:]) >= MOST_SYMBOLS:
        known = ", ".join(f"{row[0]}USDT" for row in _KNOWN)
        raise BadInput(f"the generated market has no {symbol}; it has {known} and T000USDT to T{MOST_SYMBOLS - 1}USDT")
    index = int(base[1:])
    return (base, "0.001", "0.1", 5.0 + index % 90, 0.8 + 0.05 * (index % 9), 0.45, 1e7, _JUNE_2023)


def _instrument(row: _Row, exchange: str) -> tuple[Instrument, Temperament]:
    base, tick, lot, anchor_price, annual_volatility, correlation, hourly_turnover, onboard_ms = row
    market = Market(
        exchange=exchange,
        symbol=f"{base}USDT",
        tick=Decimal(tick),
        lot=Decimal(lot),
        min_notional_units=_MIN_NOTIONAL_QUOTE * UNITS_PER_QUOTE,
    )
    instrument = Instrument(
        market=market,
        base=base,
        price_decimals=decimals(market.tick),
        quantity_decimals=decimals(market.lot),
        onboard_ms=onboard_ms,
    )
    temperament = Temperament(
        anchor_price=anchor_price,
        annual_volatility=annual_volatility,
        correlation=correlation,
        hourly_turnover=hourly_turnover,
    )
    return instrument, temperament


def decimals(step: Decimal) -> int:
    """Return the digits after the point that a number on the grid of `step` needs."""
    exponent = step.normalize().as_tuple().exponent
    return max(0, -int(exponent))
