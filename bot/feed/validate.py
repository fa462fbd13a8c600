"""Candle validation: types, finite positive prices, their order, the grid, and not from the future.

A high or low that leaves its own open or close outside is widened and marked repaired: exchanges do print such candles.
Every frame and every REST row goes through `check`, for an exchange may answer HTML with status 200 and ccxt then hands
out rows of None. A refusal is a value that the caller counts. Pure; knows nothing of exchanges.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from bot.feed.candle import ClosedCandle, Values
from strategies.market import Market

COLUMNS = 6
MOST_TICKS = 2**47  # of a price; a notional of it still fits int64
MOST_LOTS = 2**53  # of a minute's volume; a day of them still fits


class Refused(StrEnum):
    """Why a row is no closed candle; the names are the counters' names."""

    NOT_A_CANDLE = "not_a_candle"  # a missing column, null, text that is no number
    NOT_FINITE = "not_finite"
    NOT_POSITIVE = "not_positive"  # a price <= 0 or a volume < 0
    OUT_OF_ORDER = "ohlc_out_of_order"  # high below low
    OUT_OF_RANGE = "out_of_range"  # no whole number of ticks and lots that can be reckoned with
    OFF_GRID = "off_grid"
    FUTURE = "from_the_future"
    UNKNOWN_MARKET = "unknown_market"  # another symbol or timeframe than was asked for


WHY: Final = {
    Refused.NOT_A_CANDLE: "it has no numbers",
    Refused.NOT_FINITE: "a number of it is missing or infinite",
    Refused.NOT_POSITIVE: "a price of it is not above zero, or its volume is negative",
    Refused.OUT_OF_ORDER: "its high is below its low",
}
BEYOND: Final = "its numbers cannot be reckoned with in whole ticks and lots"


def check(symbol: str, row: Sequence[object], *, step_ms: int, newest_ms: int) -> ClosedCandle | Refused:
    """Return the candle of a row, or why it is none.

    Args:
        symbol: canonical symbol the row belongs to.
        row: open_ms, open, high, low, close, volume; numbers or their texts.
        step_ms: length of a candle.
        newest_ms: the latest open a closed candle can have by now.
    """
    try:
        open_ms, *numbers = (_number(item) for item in row)
    except (TypeError, ValueError):
        return Refused.NOT_A_CANDLE
    if len(row) != COLUMNS:
        return Refused.NOT_A_CANDLE
    opening, high, low, close, volume = numbers
    if not math.isfinite(open_ms) or not all(map(math.isfinite, numbers)):
        return Refused.NOT_FINITE
    if min(opening, high, low, close) <= 0 or volume < 0:
        return Refused.NOT_POSITIVE
    if high < low:
        return Refused.OUT_OF_ORDER
    if open_ms % step_ms:
        return Refused.OFF_GRID
    if open_ms > newest_ms:
        return Refused.FUTURE
    values = (opening, max(opening, high, close), min(opening, low, close), close, volume)
    is_repaired = values[1] != high or values[2] != low
    return ClosedCandle(symbol=symbol, open_ms=int(open_ms), values=values, is_repaired=is_repaired)


def fits(market: Market, values: Values) -> bool:
    """Tell whether prices are at least half a tick, and every number a whole one that integers hold easily."""
    _, high, low, _, volume = values
    tick, lot = float(market.tick), float(market.lot * market.contract_size)
    return low >= tick / 2 and high / tick < MOST_TICKS and volume / lot < MOST_LOTS


def _number(item: object) -> float:
    """Return a number, or the number a text spells.

    Raises:
        TypeError: neither.
        ValueError: a text that is no number.
    """
    if isinstance(item, bool) or not isinstance(item, (int, float, str)):
        raise TypeError(f"{item!r} is no number")
    try:
        return float(item)
    except OverflowError:  # JSON knows integers of any length
        return math.inf
