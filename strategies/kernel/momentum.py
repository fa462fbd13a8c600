"""The momentum of every market as the account's cross-section takes it: 28 days, in its own volatility, by the week.

A function of closed candles up to a Monday's midnight (UTC) alone, so live, replay and backtest have the same bits,
whatever was restarted when. Who is stronger than whom is settled at the decision (`kernel/others.py`), among the
members.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from strategies.kernel.compiled import compiled
from strategies.market import CLOSE, DAY_MS, OPEN_MS, CandleArray, Timeframe

LOOK_BACK_D: Final = 28
WEEK_MS: Final = 7 * DAY_MS
MONDAY_MS: Final = 4 * DAY_MS  # the first one after the epoch, a Thursday
LEAST_SHARE: Final = 0.8  # of the candles that must be there


def strengths(candles: Sequence[CandleArray], decision_ms: int, timeframe: Timeframe) -> np.ndarray:
    """Return (M,) float64: the log return over 28 days up to the last Monday, in deviations of as long a time.

    Args:
        candles: per market (n, 6) closed decision candles, ascending.
        decision_ms: a close; the Monday is the last midnight of one that is not after it.
        timeframe: of the candles.

    Returns:
        NaN where the first or the last candle, or a fifth of those between, are missing.
    """
    until_ms = (decision_ms - MONDAY_MS) // WEEK_MS * WEEK_MS + MONDAY_MS
    bars = LOOK_BACK_D * DAY_MS // timeframe.ms
    first_ms = until_ms - (bars + 1) * timeframe.ms
    found = np.full(len(candles), np.nan)
    for index, part in enumerate(candles):
        low, high = np.searchsorted(part[:, OPEN_MS], (first_ms, until_ms))
        rows = ((part[low:high, OPEN_MS] - first_ms) // timeframe.ms).astype(np.int64)
        closes = np.full(bars + 1, np.nan)
        closes[rows] = part[low:high, CLOSE]
        found[index] = _strength(closes)
    return found


def strengths_of_run(candles: Sequence[CandleArray], ms: np.ndarray, timeframe: Timeframe) -> np.ndarray:
    """Return (d, M) `strengths` at each of (d,) ascending decisions."""
    weeks, which = np.unique((ms - MONDAY_MS) // WEEK_MS, return_inverse=True)
    found = [strengths(candles, int(week) * WEEK_MS + MONDAY_MS, timeframe) for week in weeks]
    return np.asarray(np.array(found).reshape(len(weeks), len(candles))[which], np.float64)


@compiled
def _strength(closes: np.ndarray) -> float:
    bars = len(closes) - 1
    if not (closes[0] > 0.0 and closes[bars] > 0.0):
        return math.nan
    squares, count = 0.0, 0
    for t in range(bars):
        if closes[t] > 0.0 and closes[t + 1] > 0.0:
            move = math.log(closes[t + 1] / closes[t])
            squares += move * move
            count += 1
    if count < LEAST_SHARE * bars or not squares > 0.0:
        return math.nan
    return math.log(closes[bars] / closes[0]) / math.sqrt(squares / count * bars)
