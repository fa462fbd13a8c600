"""Coarser candles out of finer ones, in whole ticks and lots: the bits that the live engine makes of minutes.

A coarse candle is whole with its last fine one, or when a later one shows that the exchange never had the rest. Pure.
"""

from __future__ import annotations

import numpy as np

from strategies.market import OPEN_MS, CandleArray, Market, Timeframe


def coarser_bars(
    open_ms: np.ndarray, bars: np.ndarray, fine: Timeframe, coarse: Timeframe
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the coarse bars of fine ones.

    Args:
        open_ms: (n,) int64 ascending.
        bars: (n, 5) int64: open, high, low, close in ticks, volume in lots.
        fine: their length.
        coarse: a multiple of it.

    Returns:
        (k,) int64 opens, (k, 5) int64 bars, and (k,) the row of the first fine bar of each; one that is still filling
        at the end is left out.
    """
    coarse_ms = open_ms - open_ms % coarse.ms
    if not len(open_ms):
        return np.empty(0, np.int64), np.empty((0, 5), np.int64), np.empty(0, np.int64)
    starts = np.flatnonzero(np.diff(coarse_ms, prepend=-1))
    made = np.empty((len(starts), 5), np.int64)
    made[:, 0] = bars[starts, 0]
    made[:, 1] = np.maximum.reduceat(bars[:, 1], starts)
    made[:, 2] = np.minimum.reduceat(bars[:, 2], starts)
    made[:, 3] = bars[np.append(starts[1:], len(bars)) - 1, 3]
    made[:, 4] = np.add.reduceat(bars[:, 4], starts)
    is_filling = open_ms[-1] + fine.ms < coarse_ms[-1] + coarse.ms
    whole = slice(None, -1 if is_filling else None)
    return coarse_ms[starts][whole], made[whole], starts[whole]


def resample(
    market: Market, candles: CandleArray, fine: Timeframe, coarse: Timeframe
) -> tuple[CandleArray, np.ndarray]:
    """Return coarse candles of (n, 6) fine ones, and (k,) the row of the first fine candle of each.

    The very first one is left out where the fine candles begin in its middle: what was before is not known.
    """
    open_ms = candles[:, OPEN_MS].astype(np.int64)
    opens, bars, starts = coarser_bars(open_ms, market.bars(candles), fine, coarse)
    first = 1 if len(opens) and open_ms[0] != opens[0] else 0
    return market.candles(opens[first:], bars[first:]), starts[first:]
