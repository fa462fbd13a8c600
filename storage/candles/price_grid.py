"""The grid that prices and volumes lie on, read off the values themselves: free of scale, checked before it is used.

A price of 1e-9 is as exact as one of 60,000: everything is measured relative to the values. Knows nothing of files.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import numpy as np

from strategies.errors import DataGap
from strategies.market import CLOSE, HIGH, LOW, OPEN, UNITS_PER_QUOTE, VOLUME, CandleArray, Market

MOST_MOVED: Final = 1e-4  # of a price: a rounding beyond it is another price
_EXACT: Final = 1e-12  # relative; doubles carry 1e-16, a product with a power of ten a little less
_DIGITS: Final = 7  # significant digits of values that lie on no decimal grid
_FEW: Final = 20  # distinct values; fewer prove no grid
_FINEST: Final = 18  # decimals: ten to the eighteenth still fits int64


def inferred_grid(candles: CandleArray) -> tuple[Decimal, Decimal]:
    """Return tick and lot: the coarsest powers of ten on which all values lie, tick x lot at least one cash unit.

    Args:
        candles: (n, 6), at least one.
    """
    prices = candles[:, [OPEN, HIGH, LOW, CLOSE]].ravel()
    tick_decimals = min(_decimals(prices, float(prices.min()), 4), _FINEST)
    tick = Decimal(1).scaleb(-tick_decimals)
    volumes = candles[:, VOLUME][candles[:, VOLUME] > 0]
    whole = 1.0 / float(np.median(candles[:, CLOSE]))  # a quantity worth one quote unit
    lot = Decimal(1).scaleb(-_decimals(volumes, whole, 0) if len(volumes) else _exponent(whole))
    least = Decimal(1) / (tick * UNITS_PER_QUOTE)
    return tick, max(lot, least)


def require_fit(market: Market, candles: CandleArray) -> None:
    """Refuse a market whose tick moves prices by more than `MOST_MOVED` of themselves.

    Raises:
        DataGap: with the worst price and what it would become.
    """
    moved = worst_rounding(market, candles)
    if moved[0] > MOST_MOVED:
        raise DataGap(
            f"{market.id}: tick {market.tick} would turn the price {moved[1]:g} into {moved[2]:g}, {moved[0]:.2%} off; "
            f"at most {MOST_MOVED:.2%} is allowed; are these prices of the market that the specification is of?"
        )


def worst_rounding(market: Market, candles: CandleArray) -> tuple[float, float, float]:
    """Return by how much of itself the tick moves a price at worst, that price, and what it becomes."""
    if not len(candles):
        return 0.0, 0.0, 0.0
    prices = candles[:, OPEN:VOLUME]
    rounded = market.price(market.ticks(prices))
    shares = np.abs(rounded - prices) / prices
    at = np.unravel_index(int(shares.argmax()), shares.shape)
    return float(shares[at]), float(prices[at]), float(rounded[at])


def _decimals(values: np.ndarray, typical: float, spare: int) -> int:
    """Return the decimals of the coarsest decimal grid that all values lie on; below zero for tens and hundreds.

    Args:
        values: above zero.
        typical: a value; where too few values prove a coarse grid, one of `spare` digits below it is taken.
        spare: digits.
    """
    distinct = np.unique(values)
    coarsest = _exponent(float(distinct.min()))
    for decimals in range(-coarsest, -coarsest + _FINEST):
        scaled = distinct * 10.0**decimals if decimals >= 0 else distinct / 10.0**-decimals
        if (np.abs(scaled - np.rint(scaled)) <= _EXACT * scaled).all():
            break
        if decimals + coarsest >= _DIGITS + 3:
            decimals = _DIGITS - 1 - coarsest
            break
    return decimals if len(distinct) >= _FEW else max(decimals, spare - _exponent(typical))


def _exponent(value: float) -> int:
    """Return the power of ten of a value's first digit: 2 for 347."""
    return int(f"{value:e}".partition("e")[2])
