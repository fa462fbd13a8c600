"""Scoring of the newest closes for the engine: market by market, all predictors at once.

Whoever knows the candles to come, as the replay of a ledger does, may score them ahead and hand the engine a `Scorer`
of its own; what it returns must have the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from strategies.bundle.bundle import Bundle, Inputs, PreparedSlice
from strategies.features.blocks import current_slice
from strategies.history import CandleHistory
from strategies.market import Market, Timeframe

Prepared = tuple[PreparedSlice | None, ...]


class Scorer(Protocol):
    """Scores the newest close of every market that is ready."""

    def __call__(
        self,
        bundle: Bundle,
        markets: Sequence[Market],
        histories: Sequence[CandleHistory],
        ready: np.ndarray,
        timeframe: Timeframe,
    ) -> tuple[Inputs, Prepared]:
        """Return the inputs of all markets, NaN where one is not ready, and what was prepared for them, if anything."""


def score_newest(
    bundle: Bundle,
    markets: Sequence[Market],
    histories: Sequence[CandleHistory],
    ready: np.ndarray,
    timeframe: Timeframe,
) -> tuple[Inputs, Prepared]:
    """Score from the candles as they are; a `Scorer`."""
    prepared = prepare_newest(bundle, markets, histories, ready, timeframe)
    return bundle.newest_inputs(prepared), prepared


def prepare_newest(
    bundle: Bundle,
    markets: Sequence[Market],
    histories: Sequence[CandleHistory],
    ready: np.ndarray,
    timeframe: Timeframe,
) -> Prepared:
    """Return the features of the markets that are ready: the dearer half of scoring."""
    prepared: list[PreparedSlice | None] = [None] * len(markets)
    for index in np.flatnonzero(ready).tolist():
        anchored = current_slice(histories[index].candles, timeframe)
        prepared[index] = bundle.prepare(anchored, markets[index].symbol)
    return tuple(prepared)
