"""The decision state before the first decision: the last closes scored from nothing.

Live start, hot swap, backtest and replay all begin with this one function, so none of them remembers what another
does not.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from strategies.bundle import Bundle
from strategies.ensemble import smooth
from strategies.features.blocks import block_slices
from strategies.market import OPEN_MS, CandleArray, Timeframe
from strategies.state import MEMORY

WARM_UP_DECISIONS: Final = 240


def warm_memory(bundle: Bundle, candles: CandleArray, timeframe: Timeframe, symbol: str, alpha: float) -> np.ndarray:
    """Return the (1,) MEMORY record after the last `WARM_UP_DECISIONS` closes of `candles`, smoothed from zero.

    Args:
        bundle: scores the closes.
        candles: (n, 6) float64 closed decision candles, ascending, with the warm-up of their blocks before them.
        timeframe: of the candles.
        symbol: canonical symbol, for predictors that know markets.
        alpha: smoothing factor, 2 / (span + 1).
    """
    memory = np.zeros(1, MEMORY)
    if not len(candles):
        return memory
    end_ms = int(candles[-1, OPEN_MS]) + timeframe.ms
    slices = block_slices(candles, timeframe, end_ms - WARM_UP_DECISIONS * timeframe.ms, end_ms)
    inputs = bundle.decision_inputs([bundle.prepare(anchored, symbol) for anchored in slices])
    for part in inputs:
        for score in part.blended:
            smooth(memory, np.array([score]), alpha)
    return memory
