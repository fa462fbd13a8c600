"""A feed without an exchange: account minutes made up on the spot, for tests of those who read them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from decimal import Decimal

import numpy as np

from strategies.kernel.state import NO_RATE
from strategies.market import MINUTE_MS, Market
from strategies.minute import AccountMinute


class ScriptedMinutes:
    """Yields `minutes` account minutes of markets that oscillate; everybody is present, funding settles on schedule."""

    def __init__(self, *, minutes: int) -> None:
        self.acknowledged: list[int] = []
        self._minutes = minutes
        self._markets: list[Market] = []

    async def markets(self, symbols: Sequence[str]) -> list[Market]:
        """Return markets of 0.1 ticks and 0.001 lots."""
        tick, lot = Decimal("0.1"), Decimal("0.001")
        self._markets = [Market(exchange="builtin", symbol=symbol, tick=tick, lot=lot) for symbol in symbols]
        return self._markets

    async def minutes(self, after_ms: int) -> AsyncGenerator[AccountMinute, None]:
        """Yield the minutes after `after_ms`."""
        for step in range(1, self._minutes + 1):
            yield self._minute(after_ms + step * MINUTE_MS)

    async def processed(self, minute_ms: int) -> None:
        """Remember what was acknowledged."""
        self.acknowledged.append(minute_ms)

    def _minute(self, open_ms: int) -> AccountMinute:
        count = len(self._markets)
        close = 1000 + open_ms // MINUTE_MS % 7
        settles = [open_ms % market.funding_interval_ms == 0 for market in self._markets]
        return AccountMinute(
            open_ms=open_ms,
            bars=np.tile(np.array([1003, 1010, 990, close, 5], np.int64), (count, 1)),
            present=np.ones(count, bool),
            funding_e8=np.where(settles, 10_000, NO_RATE).astype(np.int64),
            not_ready=np.zeros(count, bool),
        )
