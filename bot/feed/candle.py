"""The closed candle as it travels through the feed: from a frame or a REST row to the account minute.

Prices are still floats, as the exchange printed them; `Market.ticks` makes them whole at the barrier.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from strategies.market import MINUTE_MS

Values = tuple[float, float, float, float, float]


def values_of(row: np.ndarray) -> Values:
    """Return the numbers behind the open's time of a (6,) row of candles."""
    opening, high, low, close, volume = map(float, row[1:])
    return (opening, high, low, close, volume)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedCandle:
    """One closed candle of one market.

    Attributes:
        symbol: canonical, "BTCUSDT".
        open_ms: open, on the timeframe's grid.
        values: open, high, low, close in quote; volume in base currency.
        is_repaired: not as printed: widened to hold its own open and close, or made of a coarser candle.
    """

    symbol: str
    open_ms: int
    values: Values
    is_repaired: bool = False


NoteKind = Literal["revision", "repaired", "excluded", "given_up", "rebuilt", "differs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleNote:
    """Something about stored candles that people must be able to look up, restart or not.

    Attributes:
        kind: revision: sent again with other numbers, not applied; repaired: widened; excluded: not believed, absent;
            given_up: the exchange no longer has them, absent; rebuilt: made of coarser candles; differs: a
            comparison, of a night or at a start, found another candle at the exchange.
        symbol: canonical.
        open_ms: of the candle, or of the first.
        until_ms: end of the last one.
        text: in a sentence.
        stored: what the ledger has; None: nothing.
        other: what was sent, or is at the exchange; None: nothing.
    """

    kind: NoteKind
    symbol: str
    open_ms: int
    until_ms: int
    text: str
    stored: Values | None = None
    other: Values | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A candle that the exchange sent again with other numbers; kept for the record, never applied."""

    symbol: str
    open_ms: int
    accepted: Values
    revised: Values


def repair_note(candle: ClosedCandle) -> CandleNote:
    """Return what is kept of a candle that was widened."""
    opening, high, low, close, _ = candle.values
    return CandleNote(
        kind="repaired",
        symbol=candle.symbol,
        open_ms=candle.open_ms,
        until_ms=candle.open_ms + MINUTE_MS,
        text=f"widened to {low:,.8g} - {high:,.8g} to hold its open {opening:,.8g} and close {close:,.8g}",
        stored=candle.values,
    )


def revision_note(found: Revision) -> CandleNote:
    """Return what is kept of a candle that the exchange changed afterwards."""
    return CandleNote(
        kind="revision",
        symbol=found.symbol,
        open_ms=found.open_ms,
        until_ms=found.open_ms + MINUTE_MS,
        text=f"the exchange changed its close from {found.accepted[3]:,.8g} to {found.revised[3]:,.8g}; not applied",
        stored=found.accepted,
        other=found.revised,
    )
