"""Contiguous candles of a market: gaps of a few bars bridged and marked, longer ones the end of a run."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from storage.candles.store import Source, StoredCandles, fill_gaps, segments
from strategies.errors import DataGap
from strategies.market import OPEN_MS, CandleArray, Timeframe
from training.data.choices import Gaps


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRun:
    """Contiguous candles of one market, (n, 6) float64, and where each came from, (n,) uint8."""

    symbol: str
    candles: CandleArray
    source: np.ndarray


def runs_of(symbol: str, stored: StoredCandles, timeframe: Timeframe, gaps: Gaps) -> list[MarketRun]:
    """Return the runs of a market's stored candles.

    Raises:
        DataGap: `gaps` is "refuse" and there is one.
    """
    filled = fill_gaps(stored, timeframe)
    runs = segments(filled.candles, timeframe, max_bars=0)
    if gaps == "refuse":
        _refuse_gaps(symbol, filled, runs, timeframe)
    return [MarketRun(symbol=symbol, candles=filled.candles[run], source=filled.source[run]) for run in runs]


def without_spot(stored: StoredCandles, stitched: bool) -> StoredCandles:
    """Return the candles, those stitched from spot only where asked for."""
    if stitched:
        return stored
    own = stored.source != Source.STITCHED_SPOT
    return StoredCandles(candles=stored.candles[own], source=stored.source[own])


def _refuse_gaps(symbol: str, filled: StoredCandles, runs: list[slice], timeframe: Timeframe) -> None:
    for before, after in pairwise(runs):
        if filled.source[before.stop - 1] == Source.STITCHED_SPOT:
            continue
        last, following = filled.candles[before.stop - 1, OPEN_MS], filled.candles[after.start, OPEN_MS]
        missing = int((following - last) // timeframe.ms) - 1
        raise DataGap(
            f"{symbol} {timeframe.value}: {missing} candles are missing after {int(last)}; at most 3 may be bridged. "
            "Download them, or allow gaps to split the history"
        )
