"""The running feed of one account: sockets and fetchers in front of the intake, and what they say about their health.

Frames come in through `on_frame`, are validated and taken at once; whatever the sockets lose is fetched by the gap
fetchers. Starts no task by itself: `jobs` hands them to the owner's TaskGroup.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from bot.clock import Clock, SystemClock
from bot.feed.candle import ClosedCandle
from bot.feed.candle_buffer import CandleBuffer
from bot.feed.clients import FastKlines, Frame
from bot.feed.fetchers import GapFetcher
from bot.feed.funding_fetcher import FundingFetcher
from bot.feed.grace import Grace
from bot.feed.rest import Rest
from bot.feed.sockets import MARKETS_PER_SOCKET, KlineSocket, NewerCandleSocket
from bot.feed.time_keeper import TimeKeeper
from bot.feed.validate import Refused, check
from bot.feed.waiting import elapsed_s
from storage.config.market import FeedSettings
from strategies.market import DAY_MS, MINUTE_MS

TICK_S = 0.1  # wall seconds between two looks at what is overdue
PARALLEL_REQUESTS = 8
SKEW_S = 5.0  # wall seconds by which the exchange's clock may be ahead of ours
GAP_PATIENCE_S = 60.0  # where every minute has a candle; exchanges of the generic path leave out those without a trade
REAL_FUNDING_DELAY_S = 15.0  # exchanges print a settled rate within seconds; asking at once costs requests


class LiveFeed:
    """Everything that runs while an account's minutes are read."""

    def __init__(
        self,
        *,
        candle_buffer: CandleBuffer,
        rest: Rest,
        clock: Clock,
        settings: FeedSettings,
        counters: Counter[str],
        on_time: Callable[[int], None] | None,
        on_health: Callable[[dict[str, bool], int], None],
    ) -> None:
        """Wire an intake to an exchange.

        Args:
            intake: of the account.
            rest: of the exchange; knows the markets' names.
            clock: the exchange's time.
            settings: `[feed]`.
            counters: told what happened.
            on_time: told the exchange's time with every close; for a clock that stands where the exchange says.
            on_health: told what `ready` returns and `last_frame_ms`, a few times a second.
        """
        self.candle_buffer = candle_buffer
        self.last_frame_ms = 0
        self._rest = rest
        self._clock = clock
        self._settings = settings
        self._counters = counters
        self._on_time = on_time
        self._on_health = on_health
        client = rest.client
        self._symbols: dict[str, str] = {}  # by the exchange's own id
        self._canonical: dict[str, str] = {}  # by ccxt's name
        for symbol in candle_buffer.symbols:
            self._learn_names(symbol)
        self._interval = str(client.timeframes["1m"])
        self._slots = asyncio.Semaphore(PARALLEL_REQUESTS)
        self._grace = Grace(settings.grace_s, settings.close_deadline_s / 2)
        self._keeper = TimeKeeper(rest, clock) if isinstance(clock, SystemClock) else None
        self._sockets = self._make_sockets()
        self._by_url: dict[str, KlineSocket] = {}
        client.on_frame, client.on_garbage = self.on_frame, self._on_garbage

    def jobs(self) -> list[tuple[str, Coroutine[Any, Any, None]]]:
        """Return what has to run, by name."""
        clock, candle_buffer, rest, slots = self._clock, self.candle_buffer, self._rest, self._slots
        delay_s = 0.0 if rest.exchange == "builtin" else REAL_FUNDING_DELAY_S
        funding = FundingFetcher(candle_buffer=candle_buffer, rest=rest, clock=clock, delay_s=delay_s, slots=slots)
        jobs = [("feed funding", funding.run()), ("feed ticker", self._tick())]
        if self._keeper is not None:
            jobs.append(("feed time", self._keeper.run()))
        jobs += [(f"feed socket {number}", socket.run()) for number, socket in enumerate(self._sockets)]
        return jobs + [self._gap_job(symbol) for symbol in candle_buffer.symbols]

    def watch(self, symbol: str) -> list[tuple[str, Coroutine[Any, Any, None]]]:
        """Subscribe to one more market; return what has to run for it, by name."""
        self._learn_names(symbol)
        name = self._rest.names[symbol]
        for socket in self._sockets:
            if socket.add(name):
                return [self._gap_job(symbol)]
        socket = self._kline_socket(len(self._sockets), [name])
        self._sockets.append(socket)
        return [(f"feed socket {len(self._sockets) - 1}", socket.run()), self._gap_job(symbol)]

    def unwatch(self, symbol: str) -> None:
        """Subscribe to one market less, from the next dial on; what comes of it until then is passed over."""
        name = self._rest.names.get(symbol)
        self._symbols = {key: known for key, known in self._symbols.items() if known != symbol}
        for socket in self._sockets:
            if name is not None:
                socket.remove(name)

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
        is_open = {name: socket.is_open for socket in self._sockets for name in socket.symbols}
        return {
            symbol: is_open.get(self._rest.names.get(symbol, ""), False) and self.candle_buffer.is_whole(symbol)
            for symbol in self.candle_buffer.symbols
        }

    def on_frame(self, frame: Frame) -> None:
        """Take a frame of the fast path."""
        symbol = self._symbols.get(frame.market_id)
        if symbol is None or frame.interval != self._interval:
            self._counters[f"refused_{Refused.UNKNOWN_MARKET}"] += 1
            return
        if frame.event_ms is not None and isinstance(self._clock, SystemClock):
            self._clock.observe(frame.event_ms)
        candle = self._checked(symbol, frame.row, is_closed=frame.is_closed)
        if candle is None:
            return
        socket = self._by_url.get(frame.socket) or self._socket_of(frame.socket)
        if socket is not None:
            socket.frame_came()
        if frame.is_closed:
            self._learn(candle.open_ms + MINUTE_MS)
            self._told(candle.open_ms + MINUTE_MS)
            self.candle_buffer.offer_frame(candle)

    def on_row(self, name: str, row: Sequence[object]) -> None:
        """Take a row of the generic path: no more than a hint that all candles before it have closed."""
        symbol = self._canonical[name]
        candle = self._checked(symbol, row, is_closed=False)
        if candle is not None:
            self._told(candle.open_ms)
            self.candle_buffer.hint(symbol, candle.open_ms)

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
        return {} if self._keeper is None else self._keeper.conditions()

    def _learn(self, end_ms: int) -> None:
        """Take how late an exchange calls its candles closed."""
        if isinstance(self._clock, SystemClock):
            self._grace.closed((self._clock.now_ms() - end_ms) / 1000)
            self._rest.grace_s = self._grace.seconds

    def _lost(self, names: Sequence[str]) -> None:
        self.candle_buffer.lost([self._canonical[name] for name in names if name in self._canonical], elapsed_s())
        if self._keeper is not None:
            self._keeper.hurry()

    def _told(self, exchange_ms: int) -> None:
        if self._on_time is not None:
            self._on_time(exchange_ms)

    def _on_garbage(self, url: str) -> None:
        self._counters[f"refused_{Refused.NOT_A_CANDLE}"] += 1

    def _socket_of(self, url: str) -> KlineSocket | None:
        self._by_url = {socket.url: socket for socket in self._sockets if isinstance(socket, KlineSocket)}
        return self._by_url.get(url)

    def _make_sockets(self) -> list[KlineSocket | NewerCandleSocket]:
        client, settings, exchange = self._rest.client, self._settings, self._rest.exchange
        names = [self._rest.names[symbol] for symbol in self.candle_buffer.symbols]
        if not isinstance(client, FastKlines):
            hints = NewerCandleSocket(
                client,
                names,
                exchange=exchange,
                stale_after_s=settings.stale_after_s,
                counters=self._counters,
                on_row=self.on_row,
                gate=self._rest.gate,
                on_lost=self._lost,
            )
            return [hints]
        return [
            self._kline_socket(start // MARKETS_PER_SOCKET, names[start : start + MARKETS_PER_SOCKET])
            for start in range(0, len(names), MARKETS_PER_SOCKET)
        ]

    def _kline_socket(self, number: int, names: Sequence[str]) -> KlineSocket:
        return KlineSocket(
            self._rest.client,
            names,
            number=number,
            exchange=self._rest.exchange,
            stale_after_s=self._settings.stale_after_s,
            counters=self._counters,
            gate=self._rest.gate,
            on_lost=self._lost,
        )

    async def _tick(self) -> None:
        """Look for what is overdue, by the clock."""
        while True:
            self.candle_buffer.wake_overdue(self._grace.due_ms(self._clock))
            self.candle_buffer.tell()
            self._on_health(self.ready(), self.last_frame_ms)
            await asyncio.sleep(TICK_S)
