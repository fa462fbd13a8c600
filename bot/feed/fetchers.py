"""Fetching what the stream did not bring: gaps in a market's candles.

One `GapFetcher` a market; the catch-up after a start is nothing but the first gap. It never gives up and never raises
for an exchange that fails. What comes by REST is looked at before it counts: the newest candles twice after a
reconnect, wild ones by a second witness; what the exchange has not, or nobody confirms, is named and left out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot.clock import Clock, SystemClock
from bot.feed.candle import CandleNote, ClosedCandle, Values
from bot.feed.candle_buffer import CandleBuffer
from bot.feed.failures import NoSuchMarket
from bot.feed.grace import Grace
from bot.feed.page import Page
from bot.feed.plausible import Wild
from bot.feed.rebuild import rebuilt
from bot.feed.rest import SECOND_LOOK_S, Rest
from bot.feed.validate import BEYOND, WHY
from bot.feed.witness import Witnesses
from bot.waiting import Backoff, Outage, elapsed_s
from strategies.errors import ExchangeFailed
from strategies.market import HOUR_MS, MINUTE_MS, Timeframe

CONFIRMATIONS = 3  # answers that lack a candle before we believe it; if they hold a later one, it never traded
OLD_MS = HOUR_MS  # an exchange that lacks an older candle will not find it any more
YOUNG_MS = MINUTE_MS  # since its end: a candle that the exchange may still be finishing
SHAKEN_S = 120.0  # wall seconds after a reconnect in which young candles are looked at twice
UNCONFIRMED_S = 150.0  # wall seconds after which a wild candle that nothing confirms is left out
GIVEN_UP_FROM_MS = 10 * MINUTE_MS  # a shorter gap of a quiet market is no news
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
        grace: Grace,
        patience_s: float,
        slots: asyncio.Semaphore,
    ) -> None:
        """Prepare to fetch.

        Args:
            symbol: of the account.
            candle_buffer: of the account.
            rest: the exchange.
            clock: its time.
            grace: how long after its close a candle is overdue.
            patience_s: wall seconds for which a young candle that the exchange lacks is asked for again; 0: it leaves
                out minutes without a trade.
            slots: bound on parallel requests.
        """
        self._symbol = symbol
        self._buffer = candle_buffer
        self._rest = rest
        self._clock = clock
        self._grace = grace
        self._slots = slots
        self._outage = Outage("candle request", logger="feed", exchange=rest.exchange, symbol=symbol)
        self._backoff = Backoff(longest_s=LONGEST_WAIT_S)
        self._patience_s = patience_s
        self._witnesses = Witnesses(rest, candle_buffer.plausibility)
        self._confirmed = 0
        self._lacking_since_s = 0.0
        self._failing_since_s: float | None = None
        self._failures = 0
        self._seen: dict[int, tuple[Values, float]] = {}  # young candles, and when they were first seen so
        self._doubted: tuple[int, float] = (-1, 0.0)  # the wild candle that waits for a witness, and since when

    async def run(self) -> None:
        """Fetch gap after gap until cancelled."""
        while True:
            gap = self._buffer.missing(self._symbol, self._grace.due_ms(self._clock))
            if gap is None:
                await self._buffer.wanted(self._symbol)
                continue
            if not await self._fetch(*gap):
                await asyncio.sleep(max(self._backoff.next_s(), SECOND_LOOK_S if self._seen else 0.0))
            else:
                self._backoff.reset()

    async def _fetch(self, start_ms: int, end_ms: int) -> bool:
        """Ask for a gap and take what comes; return whether the market moved on."""
        try:
            page = await self._ask(start_ms, end_ms)
            return page is not None and await self._apply(page, start_ms, end_ms)
        except Exception as error:  # a task boundary: one market's answer must not end the others
            self._outage.begin(f"{type(error).__name__}: {error}")
            self._buffer.counters["rest_failures"] += 1
            return False

    async def _ask(self, start_ms: int, end_ms: int) -> Page | None:
        try:
            async with self._slots:
                page = await self._rest.candles(self._symbol, Timeframe.M1, start_ms, end_ms)
        except NoSuchMarket as error:
            self._outage.begin(error)
            return Page(candles=(), complete_ms=start_ms)
        except ExchangeFailed as error:
            self._outage.begin(error)
            self._buffer.counters["rest_failures"] += 1
            return Page(candles=(), complete_ms=start_ms) if self._only_we_fail() else None
        self._outage.end()
        self._failures, self._failing_since_s = 0, None
        self._buffer.answered_s = elapsed_s()
        return page

    def _only_we_fail(self) -> bool:
        """Tell whether the exchange goes on answering other markets: this one must not hold them up."""
        if self._failing_since_s is None:
            self._failing_since_s = elapsed_s()
        self._failures += 1
        return self._failures >= CONFIRMATIONS and self._buffer.answered_s > self._failing_since_s

    async def _apply(self, page: Page, start_ms: int, end_ms: int) -> bool:
        """Take a page; return whether the market moved on."""
        buffer = self._buffer
        buffer.plausibility.seed(page.candles)
        for candle in page.candles:
            if not await self._take(candle, page.candles):
                break
        for candle in page.contradicted:
            if candle.open_ms < buffer.next_ms(self._symbol):
                buffer.take(candle)  # kept as a revision of what was taken
        if buffer.next_ms(self._symbol) > start_ms:
            self._confirmed = 0
            buffer.answer(self._symbol, buffer.next_ms(self._symbol))
            return True
        if self._confirmed == 0:
            self._lacking_since_s = elapsed_s()
        self._confirmed += 1
        if self._confirmed < CONFIRMATIONS:
            return False
        buffer.answer(self._symbol, end_ms)
        has_it = bool(page.candles) and page.candles[0].open_ms == start_ms
        never_traded = not has_it and page.complete_ms > start_ms and self._is_final(start_ms)
        if never_traded:
            self._confirmed = 0
            until_ms = page.candles[0].open_ms if page.candles else page.complete_ms
            await self._give_up(start_ms, until_ms)
            self._name_refused(page, start_ms, until_ms)
        buffer.tell()
        return never_traded

    async def _take(self, candle: ClosedCandle, page: Sequence[ClosedCandle]) -> bool:
        """Take one candle, or leave it out for good; False: it has to wait, and all after it."""
        if self._must_wait(candle):
            return False
        wild = self._buffer.judge(candle)
        if wild is None:
            self._buffer.take(candle)
            self._buffer.counters["backfilled"] += 1
            return True
        if candle.open_ms != self._buffer.next_ms(self._symbol):
            return False
        if not isinstance(wild, Wild):
            self._exclude(candle, BEYOND)
            return True
        is_true, said = await self._witnesses.judge(wild, page)
        if is_true is None and not self._has_waited(candle):
            return False
        if is_true:
            self._buffer.counters["wild_confirmed"] += 1
            self._buffer.take(candle)
        else:
            self._exclude(candle, f"{wild.text}; {said}")
        return True

    def _must_wait(self, candle: ClosedCandle) -> bool:
        """Tell whether a young candle needs a second, equal answer first."""
        clock = self._clock
        if not isinstance(clock, SystemClock) or clock.at_least_ms() - candle.open_ms - MINUTE_MS >= YOUNG_MS:
            self._seen.pop(candle.open_ms, None)
            return False
        is_shaken = elapsed_s() - self._buffer.reconnected_s.get(self._symbol, -SHAKEN_S) < SHAKEN_S
        if not is_shaken:
            return False
        values, since_s = self._seen.get(candle.open_ms, (None, 0.0))
        if values == candle.values and elapsed_s() - since_s >= SECOND_LOOK_S:
            self._seen.clear()
            return False
        if values != candle.values:
            self._seen = {candle.open_ms: (candle.values, elapsed_s())}
        return True

    def _has_waited(self, candle: ClosedCandle) -> bool:
        if self._doubted[0] != candle.open_ms:
            self._doubted = (candle.open_ms, elapsed_s())
        is_old = candle.open_ms < self._clock.now_ms() - OLD_MS
        return is_old or elapsed_s() - self._doubted[1] >= UNCONFIRMED_S

    def _exclude(self, candle: ClosedCandle, why: str) -> None:
        until_ms = candle.open_ms + MINUTE_MS
        note = CandleNote(
            kind="excluded",
            symbol=self._symbol,
            open_ms=candle.open_ms,
            until_ms=until_ms,
            text=why,
            other=candle.values,
        )
        self._buffer.note(note)
        self._buffer.skip(self._symbol, until_ms)

    async def _give_up(self, start_ms: int, until_ms: int) -> None:
        """Go on behind candles that the exchange does not have; from coarser ones where it has those."""
        if until_ms - start_ms >= GIVEN_UP_FROM_MS:
            made, note = await rebuilt(self._rest, self._symbol, start_ms, until_ms)
            self._buffer.note(note)
            for candle in made:
                self._buffer.skip(self._symbol, candle.open_ms)
                await self._take_made(candle, made)
        self._buffer.skip(self._symbol, until_ms)

    async def _take_made(self, candle: ClosedCandle, made: Sequence[ClosedCandle]) -> None:
        """Take a candle that stands in for others; one that is not believable and has no witness is left out."""
        wild = self._buffer.judge(candle)
        if wild is None:
            self._buffer.take(candle)
        elif not isinstance(wild, Wild):
            self._exclude(candle, BEYOND)
        else:
            is_true, said = await self._witnesses.judge(wild, made)
            if is_true:
                self._buffer.take(candle)
            else:
                self._exclude(candle, f"{wild.text}; {said}")

    def _name_refused(self, page: Page, start_ms: int, until_ms: int) -> None:
        """Say of every candle that was given up because the exchange states nonsense, what the nonsense is."""
        for open_ms, why in sorted(page.refused.items()):
            if start_ms <= open_ms < until_ms:
                text = f"the exchange states a candle that is none: {WHY[why]}"
                end_ms = open_ms + MINUTE_MS
                note = CandleNote(kind="excluded", symbol=self._symbol, open_ms=open_ms, until_ms=end_ms, text=text)
                self._buffer.note(note)

    def _is_final(self, missing_ms: int) -> bool:
        is_old = missing_ms < self._clock.now_ms() - OLD_MS
        return is_old or elapsed_s() - self._lacking_since_s >= self._patience_s
