"""The closed decision candles of one market: minutes in, candles out, as many kept as a decision needs.

Minutes come in order (the feed releases nothing later than a gap). A decision candle is complete with its last
minute, or when a minute of a later candle shows that the exchange never had the rest.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from strategies.market import MINUTE_MS, CandleArray, Market, Timeframe

KEPT: Final = 4_096  # > WARM_UP_BARS + BLOCK_BARS: the anchor of the current block never falls out


class CandleHistory:
    """Closed decision candles of one market, with the candle that is still filling."""

    def __init__(self, market: Market, timeframe: Timeframe, candles: CandleArray) -> None:
        self._market = market
        self._timeframe = timeframe
        self._rows = np.empty((2 * KEPT, 6), np.float64)
        known = candles[-KEPT:]
        self._rows[: len(known)] = known
        self._count = len(known)
        self._filling_ms = -1
        self._filling = np.zeros(5, np.int64)

    @property
    def candles(self) -> CandleArray:
        """(n, 6) float64, ascending: a view, not to be changed or kept."""
        return self._rows[: self._count]

    @property
    def last_open_ms(self) -> int:
        """Open of the newest closed candle, or -1."""
        return int(self._rows[self._count - 1, 0]) if self._count else -1

    @property
    def filling(self) -> np.ndarray | None:
        """The candle that is still filling, (6,) float64, for display; None when the last minute completed one."""
        if self._filling_ms == -1:
            return None
        candle: np.ndarray = self._market.candles(np.array([self._filling_ms]), self._filling[None, :])[0]
        return candle

    def respec(self, market: Market) -> None:
        """Count in another grid from the next minute on; the candle that is filling moves to it, rounded."""
        if self._filling_ms != -1:
            filled = self._market.candles(np.array([self._filling_ms]), self._filling[None, :])
            self._filling[:] = market.bars(filled)[0]
        self._market = market

    def extend(self, candles: CandleArray) -> None:
        """Take closed candles that came from elsewhere; those not newer than the newest are left out."""
        self._filling_ms = -1
        for candle in candles[candles[:, 0] > self.last_open_ms][-KEPT:]:
            self._keep(candle)

    def add_minute(self, open_ms: int, bar: np.ndarray) -> list[np.ndarray]:
        """Take one closed minute, (5,) int64; return the candles it completed, oldest first, each (6,) float64."""
        closed = []
        candle_ms = self._timeframe.open_of(open_ms)
        if self._filling_ms not in (-1, candle_ms):
            closed.append(self._close())
        if self._filling_ms == -1:
            self._filling_ms = candle_ms
            self._filling[:] = bar
        else:
            self._filling[1] = max(self._filling[1], bar[1])
            self._filling[2] = min(self._filling[2], bar[2])
            self._filling[3] = bar[3]
            self._filling[4] += bar[4]
        if open_ms + MINUTE_MS == candle_ms + self._timeframe.ms:
            closed.append(self._close())
        return closed

    def _close(self) -> np.ndarray:
        candle = self._market.candles(np.array([self._filling_ms]), self._filling[None, :])[0]
        self._filling_ms = -1
        self._keep(candle)
        found: np.ndarray = candle
        return found

    def _keep(self, candle: np.ndarray) -> None:
        if self._count == len(self._rows):
            self._rows[:KEPT] = self._rows[-KEPT:]
            self._count = KEPT
        self._rows[self._count] = candle
        self._count += 1
