"""Slippage of a market, as it is likely to be by how much of it is traded a day.

Classes, not a model: the spread of a perpetual on a large exchange and the depth for a small account go with its daily
turnover. The bounds are deliberately on the dear side of what order books showed; a flat 2 bp is right for the largest.
A market gets its class when it joins an account, from candles that were closed by then, and states it from there on: so
live, replay and the nightly check fill it at one price.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from strategies.kernel.settings import ExecutionSettings
from strategies.market import RATE_ONE, CandleArray, Market, Timeframe
from strategies.universe.turnover import turnover_of

CLASSES: Final = ((1e9, 2.0), (3e8, 3.0), (1e8, 4.0), (3e7, 6.0), (1e7, 9.0), (0.0, 15.0))  # quote a day, bp a side
DAYS: Final = 30  # whole days whose median counts


def slippage_bps(quote_a_day: float) -> float:
    """Return the slippage of a market order, basis points against us, of the class that a market belongs to."""
    return next(bps for least, bps in CLASSES if quote_a_day >= least)


def with_slippage(
    market: Market, candles: CandleArray, timeframe: Timeframe, at_ms: int, execution: ExecutionSettings
) -> Market:
    """Return the market with the slippage of its class, where the settings want that.

    Args:
        candles: (n, 6) closed decision candles; those before `at_ms` are read.
        timeframe: of the candles.
        at_ms: when it joins.
        execution: says whether slippage is flat.
    """
    if execution.slippage != "liquidity":
        return market
    turnover = turnover_of(market.symbol, candles, timeframe.ms).median(at_ms, DAYS) if len(candles) else 0.0
    return replace(market, slippage_e8=round(slippage_bps(turnover) * 1e-4 * RATE_ONE))
