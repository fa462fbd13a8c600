"""Fetching settled funding rates as soon as they can be known.

One `FundingFetcher` an account; it never gives up and never raises for an exchange that fails.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from bot.clock import Clock
from bot.feed.candle_buffer import CandleBuffer
from bot.feed.failures import NoSuchMarket
from bot.feed.rest import Rest
from bot.waiting import Backoff, Outage
from strategies.errors import ExchangeFailed

LONGEST_WAIT_S = 10.0
SOONEST_S = 0.1  # wall seconds


class FundingFetcher:
    """Brings the rates that settle, as soon as they can be known."""

    def __init__(
        self, *, candle_buffer: CandleBuffer, rest: Rest, clock: Clock, delay_s: float, slots: asyncio.Semaphore
    ) -> None:
        """Prepare to fetch.

        Args:
            candle_buffer: of the account.
            rest: the exchange.
            clock: its time.
            delay_s: wall seconds after a funding time before the first request; the exchange needs some to settle.
            slots: bound on parallel requests.
        """
        self._candle_buffer = candle_buffer
        self._rest = rest
        self._clock = clock
        self._delay_ms = round(delay_s * 1000)
        self._slots = slots
        self._outage = Outage("funding request", logger="feed", exchange=rest.exchange)
        self._backoff = Backoff(first_s=max(0.2, delay_s / 2), longest_s=max(LONGEST_WAIT_S, delay_s))

    async def run(self) -> None:
        """Fetch owed rates until cancelled."""
        while True:
            due_ms = self._clock.now_ms() - self._delay_ms
            owed = self._candle_buffer.barrier.owed_funding(due_ms)
            if not owed:
                await self._until(self._candle_buffer.barrier.next_owed_ms)
                continue
            if len(owed) == 1 or not await self._fetch_all(owed, due_ms):
                async with asyncio.TaskGroup() as group:
                    for symbol, since_ms in owed.items():
                        group.create_task(self._fetch(symbol, since_ms, due_ms), name=f"feed funding {symbol}")
            if self._candle_buffer.barrier.owed_funding(due_ms):
                await self._pause(due_ms)
            else:
                self._backoff.reset()

    async def _pause(self, asked_ms: int) -> None:
        """Wait before rates that did not come are asked for again; a settlement since then is not kept waiting."""
        try:
            async with asyncio.timeout(self._until_next_s()):
                await self._until(lambda: self._candle_buffer.barrier.next_settling_ms(asked_ms))
        except TimeoutError:
            return
        self._backoff.reset()

    def _until_next_s(self) -> float:
        """Return the wall seconds until the next request: where the market runs faster, it settles sooner."""
        wait_s = self._backoff.next_s()
        return wait_s if self._outage.is_open else max(min(wait_s, SOONEST_S), wait_s / self._clock.speed)

    async def _until(self, settles_ms: Callable[[], int | None]) -> None:
        """Wait until the market's time has passed a settlement; intervals may change meanwhile."""
        while True:
            next_ms = settles_ms()
            if next_ms is not None and self._clock.now_ms() - self._delay_ms >= next_ms:
                return
            await self._candle_buffer.due.wait()
            self._candle_buffer.due.clear()

    async def _fetch_all(self, owed: dict[str, int], asked_ms: int) -> bool:
        """Fetch the rates of all markets with one request, where the exchange has such; return whether it told them."""
        try:
            async with self._slots:
                rates = await self._rest.funding_of_all(min(owed.values()))
        except (ExchangeFailed, NoSuchMarket) as error:
            self._outage.begin(error)
            self._candle_buffer.counters["rest_failures"] += 1
            return False
        if rates is None:
            return False
        self._outage.end()
        for symbol in self._candle_buffer.symbols:
            self._take(symbol, rates.get(symbol, []), asked_ms)
        self._candle_buffer.tell()
        return True

    async def _fetch(self, symbol: str, since_ms: int, asked_ms: int) -> None:
        try:
            async with self._slots:
                rates = await self._rest.funding(symbol, since_ms)
        except (ExchangeFailed, NoSuchMarket) as error:
            self._outage.begin(error)
            self._candle_buffer.counters["rest_failures"] += 1
            return
        self._outage.end()
        self._take(symbol, rates, asked_ms)
        self._candle_buffer.tell()

    def _take(self, symbol: str, rates: Sequence[tuple[int, int]], asked_ms: int) -> None:
        for settled_ms, rate_e8 in rates:
            self._candle_buffer.barrier.fund(symbol, settled_ms, rate_e8)
        self._candle_buffer.answer_funding(symbol, asked_ms)
