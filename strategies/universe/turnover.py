"""Traded value of a day from candles, and the median that ranks markets. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strategies.market import CLOSE, DAY_MS, OPEN, OPEN_MS, VOLUME, CandleArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Turnover:
    """A market's traded value day by day, and when its candles begin and end.

    Attributes:
        symbol: canonical.
        days: (n,) int64 UTC day numbers that have candles, ascending.
        values: (n,) float64 traded value of each, quote currency.
        first_ms: open of its first candle.
        end_ms: close of its last one.
    """

    symbol: str
    days: np.ndarray
    values: np.ndarray
    first_ms: int
    end_ms: int

    def median(self, at_ms: int, count: int) -> float:
        """Return the median over the `count` whole days before a time; a day without candles counts as 0.

        A market younger than that is measured over the days it has lived.
        """
        end = at_ms // DAY_MS
        begin = max(end - count, -(-self.first_ms // DAY_MS))
        if begin >= end:
            return 0.0
        low, high = np.searchsorted(self.days, (begin, end))
        values = np.zeros(end - begin)
        values[self.days[low:high] - begin] = self.values[low:high]
        return float(np.median(values))


def turnover_of(symbol: str, candles: CandleArray, step_ms: int) -> Turnover:
    """Return the traded value of each day: volume (base) x the middle of open and close, summed.

    Args:
        symbol: canonical.
        candles: (n, 6) float64 of at most a day each, n >= 1.
        step_ms: their length.
    """
    worth = candles[:, VOLUME] * (candles[:, OPEN] + candles[:, CLOSE]) / 2.0
    number = candles[:, OPEN_MS].astype(np.int64) // DAY_MS
    starts = np.flatnonzero(np.diff(number, prepend=-1))
    return Turnover(
        symbol=symbol,
        days=number[starts],
        values=np.add.reduceat(worth, starts),
        first_ms=int(candles[0, OPEN_MS]),
        end_ms=int(candles[-1, OPEN_MS]) + step_ms,
    )
