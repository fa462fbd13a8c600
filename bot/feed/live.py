"""The running feed of one account: sockets and fetchers before the candle buffer, and what they say of their health.

Frames come in through `on_frame`, are validated and taken at once; whatever the sockets lose is fetched by the gap
fetchers. Starts no task by itself: `jobs` hands them to the owner's TaskGroup.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from bot.clock import Clock, SystemClock
from bot.feed.candle import ClosedCandle
from bot.feed.candle_buffer import CandleBuffer
from bot.feed.clients import FastKlines, Frame
from bot.feed.connection import Connection
from bot.feed.fetchers import GapFetcher
from bot.feed.funding_fetcher import FundingFetcher
from bot.feed.grace import Grace
from bot.feed.validate import Refused, check
from bot.waiting import elapsed_s
from storage.config.market import FeedSettings
from strategies.market import DAY_MS, MINUTE_MS

TICK_S = 0.1  # wall seconds between two looks at what is overdue
SKEW_S = 5.0  # wall seconds by which the exchange's clock may be ahead of ours
GAP_PATIENCE_S = 60.0  # where every minute has a candle; exchanges of the generic path leave out those without a trade
REAL_FUNDING_DELAY_S = 15.0  # exchanges print a settled rate within seconds; asking at once costs requests


class LiveFeed:
    """Everything that runs while an account's minutes are read."""

    def __init__(
        self,
        *,
        candle_buffer: CandleBuffer,
        clock: Clock,
        settings: FeedSettings,
        connection: Connection,
        on_time: Callable[[int], None] | None,
        on_health: Callable[[dict[str, bool], int], None],
    ) -> None:
        """Wire a candle buffer to an exchange.

        Args:
            candle_buffer: of the account.
            clock: the exchange's time.
            settings: `[feed]`.
            connection: to the exchange; knows the markets' names, and has the sockets.
            on_time: told the exchange's time with every close; for a clock that stands where the exchange says.
            on_health: told what `ready` returns and `last_frame_ms`, a few times a second.
        """
        self.candle_buffer = candle_buffer
        self.last_frame_ms = 0
        self._rest = connection.rest
        self._streams = connection.streams
        self._clock = clock
        self._settings = settings
        self._counters = connection.counters
        self._on_time = on_time
        self._on_health = on_health
        self._symbols: dict[str, str] = {}  # by the exchange's own id
        self._canonical: dict[str, str] = {}  # by ccxt's name
        for symbol in candle_buffer.symbols:
            self._learn_names(symbol)
        self._slots = connection.slots
        self._grace = Grace(settings.grace_s, settings.close_deadline_s / 2)
        self._keeper = connection.keeper
        self._connection = connection

    def jobs(self) -> list[tuple[str, Coroutine[Any, Any, None]]]:
        """Return what has to run, by name."""
        clock, candle_buffer, rest, slots = self._clock, self.candle_buffer, self._rest, self._slots
        delay_s = 0.0 if rest.exchange == "builtin" else REAL_FUNDING_DELAY_S
        funding = FundingFetcher(candle_buffer=candle_buffer, rest=rest, clock=clock, delay_s=delay_s, slots=slots)
        jobs = [("feed funding", funding.run()), ("feed ticker", self._tick())]
        self._streams.join(self, [rest.names[symbol] for symbol in candle_buffer.symbols])
        return jobs + [self._gap_job(symbol) for symbol in candle_buffer.symbols]

    def watch(self, symbol: str) -> list[tuple[str, Coroutine[Any, Any, None]]]:
        """Subscribe to one more market; return what has to run for it, by name."""
        self._learn_names(symbol)
        self._streams.join(self, [self._rest.names[symbol]])
        return [self._gap_job(symbol)]

    def unwatch(self, symbol: str) -> None:
        """Subscribe to one market less, from the next dial on; what comes of it until then is passed over."""
        name = self._rest.names.get(symbol)
        self._symbols = {key: known for key, known in self._symbols.items() if known != symbol}
        if name is not None:
            self._streams.leave(self, name)

    def _learn_names(self, symbol: str) -> None:
        name = self._rest.names[symbol]
        self._symbols[self._rest.client.market(name)["id"]] = symbol
        self._canonical[name] = symbol

    def _gap_job(self, symbol: str) -> tuple[str, Coroutine[Any, Any, None]]:
        fetcher = GapFetcher(
            symbol,
            candle_buffer=self.candle_buffer,
            rest=self._rest,
            clock=self._clock,
            grace=self._grace,
            patience_s=GAP_PATIENCE_S if isinstance(self._rest.client, FastKlines) else 0.0,
            slots=self._slots,
        )
        return f"feed gaps {symbol}", fetcher.run()

    def ready(self) -> dict[str, bool]:
        """Return per market whether its stream is open and nothing is missing."""
        is_open = self._streams.open_names()
        return {
            symbol: self._rest.names.get(symbol, "") in is_open and self.candle_buffer.is_whole(symbol)
            for symbol in self.candle_buffer.symbols
        }

    def on_frame(self, frame: Frame) -> bool:
        """Take a frame of the fast path; return whether it was a candle."""
        symbol = self._symbols.get(frame.market_id)
        if symbol is None:
            return False
        candle = self._checked(symbol, frame.row, is_closed=frame.is_closed)
        if candle is None:
            return False
        if frame.is_closed:
            self._learn(candle.open_ms + MINUTE_MS)
            self._told(candle.open_ms + MINUTE_MS)
            self.candle_buffer.offer_frame(candle)
        return True

    def on_row(self, name: str, row: Sequence[object]) -> None:
        """Take a row of the generic path: no more than a sign that all candles before it have closed."""
        symbol = self._canonical[name]
        candle = self._checked(symbol, row, is_closed=False)
        if candle is not None:
            self._told(candle.open_ms)
            self.candle_buffer.newer_candle(symbol, candle.open_ms)

    def _checked(self, symbol: str, row: Sequence[object], *, is_closed: bool) -> ClosedCandle | None:
        now_ms = self._clock.now_ms()
        ahead_ms = DAY_MS if self._on_time else round(SKEW_S * self._clock.speed * 1000)
        newest_ms = now_ms + ahead_ms - (MINUTE_MS if is_closed else 0)
        candle = check(symbol, row, step_ms=MINUTE_MS, newest_ms=newest_ms)
        if isinstance(candle, Refused):
            self._counters[f"refused_{candle}"] += 1
            return None
        self.last_frame_ms = max(now_ms, self.last_frame_ms)
        return candle

    def conditions(self) -> dict[str, str]:
        """Return what is wrong beyond single markets, by name, in words."""
        return self._connection.conditions()

    def _learn(self, end_ms: int) -> None:
        """Take how late an exchange calls its candles closed."""
        if isinstance(self._clock, SystemClock):
            self._grace.closed((self._clock.now_ms() - end_ms) / 1000)
            self._rest.grace_s = self._grace.seconds

    def on_lost(self, names: Sequence[str]) -> None:
        self.candle_buffer.lost([self._canonical[name] for name in names if name in self._canonical], elapsed_s())
        if self._keeper is not None:
            self._keeper.hurry()

    def _told(self, exchange_ms: int) -> None:
        if self._on_time is not None:
            self._on_time(exchange_ms)

    async def _tick(self) -> None:
        """Look for what is overdue, by the clock."""
        while True:
            self.candle_buffer.wake_overdue(self._grace.due_ms(self._clock))
            self.candle_buffer.tell()
            self._on_health(self.ready(), self.last_frame_ms)
            await asyncio.sleep(TICK_S)
