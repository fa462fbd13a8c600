"""The second source for a wild candle: the mark price, the other markets, and what came after.

REST prints the same trades as the stream, so that it repeats a wild candle proves little. What nothing confirms is left
out, and said.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from bot.feed.candle import ClosedCandle, Values
from bot.feed.plausible import Plausibility, Wild
from bot.feed.rest import Rest
from strategies.errors import SigmaError
from strategies.market import MINUTE_MS

SHARE: Final = 0.5  # of the move that a witness must have made too
STAYED: Final = 2  # later candles near the close that make it believable


class Witnesses:
    """Confirms or refutes wild candles of one exchange."""

    def __init__(self, rest: Rest, plausibility: Plausibility) -> None:
        self._rest = rest
        self._plausibility = plausibility

    async def judge(self, wild: Wild, later: Sequence[ClosedCandle]) -> tuple[bool | None, str]:
        """Return whether a wild candle is true, None while nobody can tell, and who said so.

        Args:
            wild: the candle.
            later: candles after it, as far as the exchange has them.
        """
        if self._plausibility.others_moved(wild):
            return True, "other markets moved alike"
        try:
            mark = await self._rest.mark_candle(wild.candle.symbol, wild.candle.open_ms)
        except SigmaError:
            mark = None
        if mark is not None:
            said = f"the mark price was between {mark[2]:,.8g} and {mark[1]:,.8g}"
            return _went_along(wild, mark), said
        return _by_what_came_after(wild, later)


def _went_along(wild: Wild, mark: Values) -> bool:
    """Tell whether the mark price made at least half of every move that is wild."""
    high, low, _ = wild.log_moves()
    mark_high, mark_low = math.log(mark[1] / wild.reference), math.log(mark[2] / wild.reference)
    rose = high <= wild.limit or mark_high >= SHARE * high
    fell = low >= -wild.limit or mark_low <= SHARE * low
    return rose and fell


def _by_what_came_after(wild: Wild, later: Sequence[ClosedCandle]) -> tuple[bool | None, str]:
    _, _, close = wild.log_moves()
    if abs(close) <= wild.limit:
        return None, "there is no mark price to confirm a spike that was gone at the close"
    following = [candle for candle in later if candle.open_ms > wild.candle.open_ms]
    level = wild.candle.values[3]
    stayed = [abs(math.log(candle.values[3] / level)) <= wild.limit for candle in following]
    if len(stayed) >= STAYED and all(stayed[:STAYED]):
        return True, "the price stayed there"
    if following and following[0].open_ms <= wild.candle.open_ms + 5 * MINUTE_MS and not stayed[0]:
        return False, f"the next candle closed at {following[0].values[3]:,.8g}"
    return None, "nothing confirms it yet"
