"""What came out of one account minute: facts, decisions, completed candles, and the account's worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strategies.bundle.bundle import PreparedSlice
from strategies.market import Market


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one account minute produced.

    Attributes:
        minute_ms: open of the minute.
        facts: (k,) FACT, in order.
        decisions: (markets,) DECISION when the minute completed a decision candle, else None.
        prepared: per market what was scored, or None; for reasons and displays.
        candles: completed decision candles as (market index, (6,) float64).
        equity, cash, gross: units at the minute's marks.
        markets: the account's markets after the minute's lifecycle commands.
    """

    minute_ms: int
    facts: np.ndarray
    decisions: np.ndarray | None
    prepared: tuple[PreparedSlice | None, ...]
    candles: tuple[tuple[int, np.ndarray], ...]
    equity: int
    cash: int
    gross: int
    markets: tuple[Market, ...]
