"""Book-level risk: how large a book may be by the risk of the whole account, not the sum of its markets' own.

Every market's share is sized by its own volatility; together they swing less, the more markets there are and the less
they move together. What is left is measured by the shrunk, exponentially weighted covariance of the markets' returns.
With shares of equal risk, the variance of the whole book on one side is the mean of all its entries, which is the
variance of the mean standardised return: so no matrix is ever built, and live and backtest get the same bits from a
plain loop. It is anchored to midnight (UTC): a function of closed candles alone, whatever was restarted when.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from strategies.kernel.compiled import compiled
from strategies.kernel.settings import RiskSettings
from strategies.market import CLOSE, DAY_MS, OPEN_MS, CandleArray, Timeframe

WINDOW_BARS: Final = 1440  # looked back, at most 60 days
WINDOW_MS: Final = 60 * DAY_MS
HALF_LIFE: Final = 1.0 / 3.0  # of the window
LEAST_BARS: Final = 120  # of a market that counts
PRIOR_CORRELATION: Final = 0.6  # between coins over years
SHRINKAGE: Final = 0.3  # weight of the prior


def book_deviation(candles: Sequence[CandleArray], day_ms: int, timeframe: Timeframe) -> float:
    """Return the deviation of an equal-risk book of all markets on one side, as a share of a single market's: the
    root of the mean correlation of all pairs, each market with itself among them.

    Args:
        candles: per market (n, 6) closed decision candles, ascending; those that open before `day_ms` are read.
        day_ms: a UTC midnight.
        timeframe: of the candles.

    Returns:
        0..1; 1 where no market has `LEAST_BARS` returns.
    """
    bars = min(WINDOW_BARS, WINDOW_MS // timeframe.ms)
    first_ms = day_ms - (bars + 1) * timeframe.ms
    closes = np.full((bars + 1, len(candles)), np.nan)
    for index, part in enumerate(candles):
        low, high = np.searchsorted(part[:, OPEN_MS], (first_ms, day_ms))
        rows = ((part[low:high, OPEN_MS] - first_ms) // timeframe.ms).astype(np.int64)
        closes[rows, index] = part[low:high, CLOSE]
    return float(_deviation(closes, HALF_LIFE * bars, np.zeros(len(candles))))


def book_deviations(candles: Sequence[CandleArray], ms: np.ndarray, timeframe: Timeframe) -> np.ndarray:
    """Return the `book_deviation` of the midnight before each of (d,) ascending decisions."""
    days, which = np.unique(ms // DAY_MS, return_inverse=True)
    found = np.array([book_deviation(candles, int(day) * DAY_MS, timeframe) for day in days])
    return np.asarray(found[which], np.float64)


def book_factor(risk: RiskSettings) -> float:
    """Return what a book's deviation is multiplied with to scale its markets' volatilities; 0: each is sized alone.

    Sizes are `target_volatility` over a market's volatility. With all volatilities times factor x deviation, a book of
    all markets on one side swings by `account_volatility` / `book_share`, and the usual book by the target.
    """
    if risk.account_volatility <= 0.0 or risk.sizing != "volatility":
        return 0.0
    return risk.target_volatility * risk.book_share / risk.account_volatility


class BookScale:
    """The scale of the markets' volatilities in a running account.

    Computed anew at every decision: a market that leaves and returns has another history, and an account that was
    restarted in between must not remember what the other one computed before.
    """

    def __init__(self, timeframe: Timeframe) -> None:
        self._timeframe = timeframe

    def at(self, decision_ms: int, candles: Sequence[CandleArray], risk: RiskSettings) -> float:
        """Return the scale at a decision; `candles` as in `book_deviation`."""
        factor = book_factor(risk)
        if not factor:
            return 1.0
        return factor * book_deviation(candles, decision_ms // DAY_MS * DAY_MS, self._timeframe)


@compiled
def _deviation(closes: np.ndarray, half_life: float, scale: np.ndarray) -> float:
    """Return what `book_deviation` does; `closes` become logarithms, `scale` the deviations of the markets."""
    bars, markets = closes.shape[0] - 1, closes.shape[1]
    for m in range(markets):
        for t in range(bars + 1):
            closes[t, m] = math.log(closes[t, m]) if closes[t, m] > 0.0 else math.nan
    counted = 0
    for m in range(markets):
        total, count = 0.0, 0
        for t in range(bars):
            move = closes[t + 1, m] - closes[t, m]
            if not np.isnan(move):
                total += move * move
                count += 1
        if count >= LEAST_BARS and total > 0.0:
            scale[m] = math.sqrt(total / count)
            counted += 1
    if counted == 0:
        return 1.0
    keep, book, alone = 0.5 ** (1.0 / half_life), 0.0, 0.0
    for t in range(bars):
        total, squares, count = 0.0, 0.0, 0
        for m in range(markets):
            move = closes[t + 1, m] - closes[t, m]
            if scale[m] > 0.0 and not np.isnan(move):
                total += move / scale[m]
                squares += (move / scale[m]) * (move / scale[m])
                count += 1
        book, alone = keep * book, keep * alone
        if count > 0:
            book += (total / count) * (total / count)
            alone += squares / count
    prior = (1.0 + (counted - 1) * PRIOR_CORRELATION) / counted
    return math.sqrt((1.0 - SHRINKAGE) * (book / alone) + SHRINKAGE * prior)
