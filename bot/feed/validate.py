"""What may pass for a closed candle: types, finite positive prices, their order, the grid, and not from the future.

Every frame and every REST row goes through `check`, for an exchange may answer HTML with status 200 and ccxt then hands
out rows of None. A refusal is a value that the caller counts. Pure; knows nothing of exchanges.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum

from bot.feed.candle import ClosedCandle

COLUMNS = 6


class Refused(StrEnum):
    """Why a row is no closed candle; the names are the counters' names."""

    NOT_A_CANDLE = "not_a_candle"  # a missing column, null, text that is no number
    NOT_FINITE = "not_finite"
    NOT_POSITIVE = "not_positive"  # a price <= 0 or a volume < 0
    OUT_OF_ORDER = "ohlc_out_of_order"  # high below, or low above, another price
    OFF_GRID = "off_grid"
    FUTURE = "from_the_future"
    UNKNOWN_MARKET = "unknown_market"  # another symbol or timeframe than was asked for


def check(symbol: str, row: Sequence[object], *, step_ms: int, newest_ms: int) -> ClosedCandle | Refused:
    """Return the candle of a row, or why it is none.

    Args:
        symbol: canonical symbol the row belongs to.
        row: open_ms, open, high, low, close, volume; numbers or their texts.
        step_ms: length of a candle.
        newest_ms: the latest open a closed candle can have by now.
    """
    try:
        open_ms, *values = (_number(item) for item in row)
    except (TypeError, ValueError):
        return Refused.NOT_A_CANDLE
    if len(row) != COLUMNS:
        return Refused.NOT_A_CANDLE
    opening, high, low, close, volume = values
    if not math.isfinite(open_ms) or not all(map(math.isfinite, values)):
        return Refused.NOT_FINITE
    if min(opening, high, low, close) <= 0 or volume < 0:
        return Refused.NOT_POSITIVE
    if high < max(opening, close, low) or low > min(opening, close):
        return Refused.OUT_OF_ORDER
    if open_ms % step_ms:
        return Refused.OFF_GRID
    if open_ms > newest_ms:
        return Refused.FUTURE
    return ClosedCandle(symbol=symbol, open_ms=int(open_ms), values=(opening, high, low, close, volume))


def _number(item: object) -> float:
    """Return a number, or the number a text spells.

    Raises:
        TypeError: neither.
        ValueError: a text that is no number.
    """
    if isinstance(item, bool) or not isinstance(item, (int, float, str)):
        raise TypeError(f"{item!r} is no number")
    return float(item)
