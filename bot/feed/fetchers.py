"""Fetching what the stream did not bring: gaps in a market's candles, and settled funding rates.

One `GapFetcher` a market; the catch-up after a start is nothing but the first gap. One `FundingFetcher` an account.
Both never give up and never raise for an exchange that fails.
"""

from __future__ import annotations

import asyncio

from bot.clock import Clock
from bot.feed.candle_buffer import CandleBuffer
from bot.feed.failures import NoSuchMarket
from bot.feed.rest import Page, Rest
from bot.feed.waiting import Backoff, Outage, elapsed_s
from strategies.errors import ExchangeFailed
from strategies.market import HOUR_MS, Timeframe

CONFIRMATIONS = 3  # answers that lack a candle before we believe it; if they hold a later one, it never traded
OLD_MS = HOUR_MS  # an exchange that lacks an older candle will not find it any more
LONGEST_WAIT_S = 10.0


class GapFetcher:
    """Keeps one market without a gap."""

    def __init__(
        self,
        symbol: str,
        *,
        candle_buffer: CandleBuffer,
        rest: Rest,
        clock: Clock,
        grace_s: float,
        patience_s: float,
        slots: asyncio.Semaphore,
    ) -> None:
        """Prepare to fetch.

        Args:
            symbol: of the account.
            intake: of the account.
            rest: the exchange.
            clock: its time.
            grace_s: wall seconds after its close at which a candle is overdue.
            patience_s: wall seconds for which a young candle that the exchange lacks is asked for again.
            slots: bound on parallel requests.
        """
        self._symbol = symbol
        self._candle_buffer = candle_buffer
        self._rest = rest
        self._clock = clock
        self._grace_s = grace_s
        self._slots = slots
        self._outage = Outage("candle request", exchange=rest.exchange, symbol=symbol)
        self._backoff = Backoff(longest_s=LONGEST_WAIT_S)
        self._patience_s = patience_s
        self._confirmed = 0
        self._lacking_since_s = 0.0

    async def run(self) -> None:
        """Fetch gap after gap until cancelled."""
        while True:
            due_ms = self._clock.now_ms() - round(self._grace_s * self._clock.speed * 1000)
            gap = self._candle_buffer.missing(self._symbol, due_ms)
            if gap is None:
                await self._candle_buffer.wanted(self._symbol)
                continue
            page = await self._ask(*gap)
            if page is None or not self._apply(page, *gap):
                await asyncio.sleep(self._backoff.next_s())
            else:
                self._backoff.reset()

    async def _ask(self, start_ms: int, end_ms: int) -> Page | None:
        try:
            async with self._slots:
                page = await self._rest.candles(self._symbol, Timeframe.M1, start_ms, end_ms)
        except NoSuchMarket as error:
            self._outage.begin(error)
            return Page(candles=(), complete_ms=start_ms)
        except ExchangeFailed as error:
            self._outage.begin(error)
            self._candle_buffer.counters["rest_failures"] += 1
            return None
        self._outage.end()
        return page

    def _apply(self, page: Page, start_ms: int, end_ms: int) -> bool:
        """Take a page; return whether the market moved on."""
        candle_buffer, index = self._candle_buffer, self._candle_buffer.index[self._symbol]
        for candle in page.candles:
            candle_buffer.take(candle)
        candle_buffer.counters["backfilled"] += len(page.candles)
        if candle_buffer.next_ms(self._symbol) > start_ms:
            self._confirmed = 0
            candle_buffer.answered_ms[index] = max(
                candle_buffer.answered_ms[index], candle_buffer.next_ms(self._symbol)
            )
            return True
        if self._confirmed == 0:
            self._lacking_since_s = elapsed_s()
        self._confirmed += 1
        if self._confirmed < CONFIRMATIONS:
            return False
        candle_buffer.answered_ms[index] = max(candle_buffer.answered_ms[index], end_ms)
        never_traded = page.complete_ms > start_ms and self._is_final(start_ms)
        if never_traded:
            self._confirmed = 0
            candle_buffer.skip(self._symbol, page.candles[0].open_ms if page.candles else page.complete_ms)
        candle_buffer.tell()
        return never_traded

    def _is_final(self, missing_ms: int) -> bool:
        is_old = missing_ms < self._clock.now_ms() - OLD_MS
        return is_old or elapsed_s() - self._lacking_since_s >= self._patience_s


class FundingFetcher:
    """Brings the rates that settle, as soon as they can be known."""

    def __init__(
        self, *, candle_buffer: CandleBuffer, rest: Rest, clock: Clock, delay_s: float, slots: asyncio.Semaphore
    ) -> None:
        """Prepare to fetch.

        Args:
            intake: of the account.
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
        self._outage = Outage("funding request", exchange=rest.exchange)
        self._backoff = Backoff(first_s=max(0.2, delay_s / 2), longest_s=max(LONGEST_WAIT_S, delay_s))

    async def run(self) -> None:
        """Fetch owed rates until cancelled."""
        while True:
            due_ms = self._clock.now_ms() - self._delay_ms
            owed = self._candle_buffer.barrier.owed_funding(due_ms)
            if not owed:
                await self._until(self._candle_buffer.barrier.next_owed_ms())
                continue
            async with asyncio.TaskGroup() as group:
                for symbol, since_ms in owed.items():
                    group.create_task(self._fetch(symbol, since_ms, due_ms), name=f"feed funding {symbol}")
            if self._candle_buffer.barrier.owed_funding(due_ms):
                await asyncio.sleep(self._backoff.next_s())
            else:
                self._backoff.reset()

    async def _until(self, due_ms: int | None) -> None:
        """Wait until the market's time has passed `due_ms`, for ever when it is None."""
        while due_ms is None or self._clock.now_ms() - self._delay_ms < due_ms:
            await self._candle_buffer.due.wait()
            self._candle_buffer.due.clear()

    async def _fetch(self, symbol: str, since_ms: int, asked_ms: int) -> None:
        try:
            async with self._slots:
                rates = await self._rest.funding(symbol, since_ms)
        except (ExchangeFailed, NoSuchMarket) as error:
            self._outage.begin(error)
            self._candle_buffer.counters["rest_failures"] += 1
            return
        self._outage.end()
        for settled_ms, rate_e8 in rates:
            self._candle_buffer.barrier.fund(symbol, settled_ms, rate_e8)
        index = self._candle_buffer.index[symbol]
        self._candle_buffer.funding_answered_ms[index] = asked_ms
        self._candle_buffer.tell()
