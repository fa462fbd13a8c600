"""What an answer to a request for candles comes to: those that count, and what else is said in their place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.feed.candle import ClosedCandle
from bot.feed.validate import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """An answer to a request for candles.

    Attributes:
        candles: validated, closed, ascending; those asked for that the exchange has.
        complete_ms: whatever lies before it and is not in `candles` does not exist: a later candle was in the answer.
        refused: why, by open, what the answer has in the place of candles is none.
        contradicted: candles that the same answer states again with other numbers; the later ones are in `candles`.
    """

    candles: tuple[ClosedCandle, ...]
    complete_ms: int
    refused: Mapping[int, Refused] = field(default_factory=dict)
    contradicted: tuple[ClosedCandle, ...] = ()
