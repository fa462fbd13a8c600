"""A market on its way into an account: watched, its past fetched, and admitted at the next decision boundary.

Its closed candles must reach the boundary without a gap to the account's first minute of it; where the last of them
comes too late, the next boundary is taken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import numpy as np
import structlog

from bot.clock import Clock
from bot.feed.candle_buffer import CandleBuffer
from bot.feed.failures import NoSuchMarket
from strategies.errors import ExchangeFailed
from strategies.features.blocks import BLOCK_BARS, WARM_UP_BARS
from strategies.market import MINUTE_MS, OPEN_MS, CandleArray, Market, Timeframe
from strategies.minute import Command

TAIL_S: Final = 0.05  # wall seconds between two questions for the last candle; the account waits for us
RETRY_S: Final = 2.0
TAIL_TRIES: Final = 20
Watch = Callable[[Market, int], None]
History = Callable[[str, Timeframe, int, int], Awaitable[CandleArray]]


class Joining:
    """Brings one market in."""

    def __init__(
        self,
        command: Command,
        *,
        buffer: CandleBuffer,
        history: History,
        watch: Watch,
        timeframe: Timeframe,
        clock: Clock,
    ) -> None:
        """Prepare.

        Args:
            command: a join; its spec is the market.
            buffer: of the account.
            history: fetches closed candles of a range.
            watch: subscribes to the market's minutes from a time on.
            timeframe: of the account's decisions.
            clock: the exchange's time.
        """
        assert command.spec is not None
        self._command = command
        self._market: Market = command.spec
        self._buffer = buffer
        self._history = history
        self._watch = watch
        self._timeframe = timeframe
        self._clock = clock
        self._log = structlog.get_logger("feed")

    async def run(self) -> None:
        """Fetch, wait for the boundary, admit; gives up only when the exchange does not know the market."""
        symbol = self._market.symbol
        try:
            past = await self._fetch(first_candle_ms(self._timeframe, self._clock.now_ms()), self._clock.now_ms())
            boundary_ms = self._next_boundary()
            self._watch(self._market, boundary_ms)
            while not await self._admitted(past, boundary_ms):
                boundary_ms = self._next_boundary()
        except NoSuchMarket as error:
            self._buffer.barrier.lobby.forget(symbol)
            self._buffer.unwatch(symbol)
            self._log.error("market does not join", symbol=symbol, error=str(error))

    async def _admitted(self, past: CandleArray, boundary_ms: int) -> bool:
        """Wait for a boundary and hand the join in; return whether it went with the boundary's minute."""
        barrier, symbol = self._buffer.barrier, self._market.symbol
        barrier.lobby.expect(symbol, boundary_ms)
        while barrier.head_ms < boundary_ms:
            await self._buffer.minute_left()
        tail_ms = int(past[-1, OPEN_MS]) + self._timeframe.ms if len(past) else boundary_ms - self._timeframe.ms
        for _ in range(TAIL_TRIES):
            if barrier.head_ms > boundary_ms:
                return False
            tail = await self._fetch(tail_ms, boundary_ms)
            if tail_ms >= boundary_ms or (len(tail) and int(tail[-1, OPEN_MS]) == boundary_ms - self._timeframe.ms):
                given = np.concatenate([past, tail]) if len(tail) else past
                return await self._handed_in(given, boundary_ms)
            await asyncio.sleep(TAIL_S)
        return await self._handed_in(past, boundary_ms)  # the exchange has no newer candle: it did not trade

    async def _handed_in(self, given: CandleArray, boundary_ms: int) -> bool:
        barrier, symbol = self._buffer.barrier, self._market.symbol
        if barrier.head_ms > boundary_ms:
            return False
        barrier.lobby.admit(
            Command(kind="join", spec=self._market, by=self._command.by, why=self._command.why, given=given)
        )
        self._buffer.tell()
        while barrier.lobby.expects(symbol) and barrier.head_ms <= boundary_ms:
            await self._buffer.minute_left()
        return not barrier.lobby.expects(symbol)

    def _next_boundary(self) -> int:
        head_ms = max(self._buffer.barrier.head_ms, self._clock.now_ms() + MINUTE_MS)
        return self._timeframe.open_of(head_ms - 1) + self._timeframe.ms

    async def _fetch(self, start_ms: int, end_ms: int) -> CandleArray:
        while True:
            try:
                return await self._history(self._market.symbol, self._timeframe, start_ms, end_ms)
            except NoSuchMarket:
                raise
            except ExchangeFailed as error:
                self._log.warning(
                    "a joining market's past could not be read", symbol=self._market.symbol, error=str(error)
                )
                await asyncio.sleep(RETRY_S)


def first_candle_ms(timeframe: Timeframe, start_ms: int) -> int:
    """Return the open of the oldest decision candle that the first decisions and their warm-up can need."""
    block_ms = BLOCK_BARS * timeframe.ms
    return start_ms - start_ms % block_ms - block_ms - WARM_UP_BARS * timeframe.ms
