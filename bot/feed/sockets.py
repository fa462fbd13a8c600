"""Websockets of candles: the markets on one, subscribed, watched for silence, dialled again when lost.

A socket that says nothing for `stale_after_s` is broken off, for a dead peer is not noticed by itself for minutes. What
was missed meanwhile is no concern here: the sequencers notice the gap. `NewerCandleSocket` does the same for exchanges
that have no closed flag, of which only "there is a newer candle" is believed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import ccxt
import structlog

from bot.feed.failures import MALFORMED, Throttled, refused_dial
from bot.feed.gate import Gate
from bot.waiting import Backoff, Outage, elapsed_s

MARKETS_PER_SOCKET = 200
log = structlog.get_logger("feed")
LONGEST_WAIT_S = 30.0
OnLost = Callable[[Sequence[str]], None]


class KlineSocket:
    """Holds one socket of a client with the fast path open, for ever."""

    def __init__(
        self,
        client: Any,
        symbols: Sequence[str],
        *,
        number: int,
        exchange: str,
        stale_after_s: float,
        counters: Counter[str],
        gate: Gate,
        on_lost: OnLost,
    ) -> None:
        self.symbols = tuple(symbols)
        self.url = ""
        self.last_frame_s = 0.0
        self._client = client
        self._number = number
        self._exchange = exchange
        self._stale_after_s = stale_after_s
        self._counters = counters
        self._gate = gate
        self._on_lost = on_lost
        self._outage = Outage("market stream", logger="feed", exchange=exchange, socket=number, markets=len(symbols))
        self._backoff = Backoff(longest_s=LONGEST_WAIT_S)

    @property
    def is_open(self) -> bool:
        """Frames come: no failure since the last one."""
        return self.last_frame_s > 0 and not self._outage.is_open

    def add(self, symbols: Sequence[str]) -> list[str]:
        """Subscribe to more markets, on the open connection where there is one; return those without room here."""
        room = max(0, MARKETS_PER_SOCKET - len(self.symbols))
        taken, left = list(symbols[:room]), list(symbols[room:])
        self.symbols = (*self.symbols, *taken)
        if self.url and taken:
            _, lost = self._client.hold(taken, "1m", self._number)
            lost.add_done_callback(_passed)  # the connection's loss is `_hold`'s to tell
        return left

    def remove(self, symbol: str) -> None:
        """Leave a market out at the next dial."""
        self.symbols = tuple(known for known in self.symbols if known != symbol)

    def frame_came(self) -> None:
        """Note a sign of life."""
        self.last_frame_s = elapsed_s()
        if self._outage.is_open:
            self._outage.end()
            self._backoff.reset()

    async def run(self) -> None:
        """Hold the socket open until cancelled."""
        while True:
            await self._gate.dial()
            try:
                await self._hold()
            except (ccxt.BaseError, OSError) as error:
                failure = refused_dial(error, self._exchange)
                self._outage.begin(failure)
                self._counters["reconnects"] += 1
                self._on_lost(self.symbols)
                if isinstance(failure, Throttled):
                    self._gate.bar(failure)
                await asyncio.sleep(self._backoff.next_s())

    async def _hold(self) -> None:
        """Subscribe and stay until the socket is lost or silent.

        Raises:
            ccxt.NetworkError: it was lost, or said nothing for too long.
        """
        self.url, lost = self._client.hold(self.symbols, "1m", self._number)
        since_s = elapsed_s()
        try:
            while not lost.done():
                silent_s = elapsed_s() - max(since_s, self.last_frame_s)
                if silent_s >= self._stale_after_s:
                    self._counters["stalls"] += 1
                    raise ccxt.RequestTimeout(f"no frame for {silent_s:.0f} s")
                await asyncio.wait([lost], timeout=self._stale_after_s - silent_s)
            if lost.cancelled():
                raise ccxt.NetworkError("the connection was closed")
            lost.result()
        finally:
            self._client.drop(self.url, "broken off")
            self.url = ""
            lost.cancel()
            await asyncio.gather(lost, return_exceptions=True)


class NewerCandleSocket:
    """Watches candles of a client without the fast path, and tells when a market has a newer one."""

    def __init__(
        self,
        client: Any,
        symbols: Sequence[str],
        *,
        exchange: str,
        stale_after_s: float,
        counters: Counter[str],
        on_row: Callable[[str, Sequence[object]], None],
        gate: Gate,
        on_lost: OnLost,
    ) -> None:
        self.symbols = tuple(symbols)
        self.last_frame_s = 0.0
        self.only_rest = False  # it streams no candles of this kind: asked for at their time instead
        self._client = client
        self._exchange = exchange
        self._stale_after_s = stale_after_s
        self._counters = counters
        self._on_row = on_row
        self._gate = gate
        self._on_lost = on_lost
        self._outage = Outage("market stream", logger="feed", exchange=exchange, markets=len(symbols))
        self._group: asyncio.TaskGroup | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def is_open(self) -> bool:
        """Frames come, or none are to be had: no failure since the last one."""
        return self.only_rest or (self.last_frame_s > 0 and not self._outage.is_open)

    def add(self, symbols: Sequence[str]) -> list[str]:
        """Watch more markets; there is always room."""
        self.symbols = (*self.symbols, *symbols)
        if self._group is not None:
            for symbol in symbols:
                self._tasks[symbol] = self._group.create_task(self._watch(symbol), name=f"feed watch {symbol}")
        return []

    def remove(self, symbol: str) -> None:
        """Watch a market no longer."""
        self.symbols = tuple(known for known in self.symbols if known != symbol)
        task = self._tasks.pop(symbol, None)
        if task is not None:
            task.cancel()

    async def run(self) -> None:
        """Watch every market until cancelled."""
        self.last_frame_s = elapsed_s()
        async with asyncio.TaskGroup() as group:
            self._group = group
            for symbol in self.symbols:
                self._tasks[symbol] = group.create_task(self._watch(symbol), name=f"feed watch {symbol}")
            group.create_task(self._break_off_silence(), name="feed watchdog")

    async def _watch(self, symbol: str) -> None:
        backoff = Backoff(longest_s=LONGEST_WAIT_S)
        while True:
            try:
                rows = await self._client.watch_ohlcv(symbol, "1m")
            except (ccxt.NotSupported, ccxt.BadRequest, ccxt.AuthenticationError) as error:
                log.warning("no stream of candles, REST is asked every minute", symbol=symbol, error=str(error)[:200])
                self.only_rest = True
                return
            except (ccxt.BaseError, OSError, *MALFORMED) as error:
                failure = refused_dial(error, self._exchange)
                if not self._outage.is_open:
                    self._outage.begin(failure)
                    self._on_lost(self.symbols)
                self._counters["reconnects"] += 1
                if isinstance(failure, Throttled):
                    self._gate.bar(failure)
                await asyncio.sleep(backoff.next_s())
                await self._gate.passed()
                continue
            self.last_frame_s = elapsed_s()
            self._outage.end()
            backoff.reset()
            for row in list(rows):
                self._on_row(symbol, tuple(row))  # ccxt changes its rows in place

    async def _break_off_silence(self) -> None:
        while True:
            left_s = self._stale_after_s - (elapsed_s() - self.last_frame_s)
            if left_s > 0:
                await asyncio.sleep(left_s)
                continue
            self._counters["stalls"] += 1
            for url in list(self._client.clients):
                self._client.drop(url, f"no frame for {self._stale_after_s:.0f} s")
            self.last_frame_s = elapsed_s()


def _passed(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()
