"""The market streams of one client, shared by the feeds of all accounts: every market is subscribed to once.

A frame goes to whoever listens to its market. New markets are collected for a moment, so that many accounts which
start together need no more messages than one with all their markets.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from bot.clock import Clock, SystemClock
from bot.feed.audience import Audience, Listener
from bot.feed.clients import FastKlines, Frame
from bot.feed.rest import Rest
from bot.feed.sockets import MARKETS_PER_SOCKET, KlineSocket, NewerCandleSocket
from bot.feed.validate import Refused
from storage.config.market import FeedSettings

COLLECT_S: Final = 0.05  # wall seconds for which new markets are collected
Start = Callable[[str, Coroutine[Any, Any, None]], object]


class Streams:
    """Holds the sockets of a client and hands out what comes through them."""

    def __init__(self, rest: Rest, clock: Clock, settings: FeedSettings, counters: Counter[str], start: Start) -> None:
        """Prepare; nothing is dialled before somebody listens.

        Args:
            rest: of the exchange; its client has the sockets.
            clock: told the exchange's time with every frame that states it.
            settings: `[feed]`.
            counters: told what happened.
            start: runs a job by name until the connection is closed.
        """
        self._rest = rest
        self._clock = clock
        self._settings = settings
        self._counters = counters
        self._start = start
        self._audience = Audience()
        self._sockets: list[KlineSocket | NewerCandleSocket] = []
        self._by_url: dict[str, KlineSocket] = {}
        self._wanted: list[str] = []
        self._news = asyncio.Event()
        self._is_running = False
        self._interval = str(rest.client.timeframes["1m"])

    @property
    def count(self) -> int:
        """Sockets that are held."""
        return len(self._sockets)

    def join(self, listener: Listener, names: Sequence[str]) -> None:
        """Let a feed listen to markets (ccxt's names)."""
        client = self._rest.client
        client.on_frame, client.on_garbage = self._on_frame, self._on_garbage
        for name in names:
            if self._audience.join(listener, name, client.market(name)["id"]):
                self._wanted.append(name)
        self._news.set()
        if not self._is_running:
            self._is_running = True
            self._start("feed streams", self._dial_new())

    def leave(self, listener: Listener, name: str) -> None:
        """Let a feed listen to a market no longer; one that nobody hears is left out from the next dial on."""
        if self._audience.leave(listener, name):
            self._wanted = [wanted for wanted in self._wanted if wanted != name]
            for socket in self._sockets:
                socket.remove(name)

    def open_names(self) -> set[str]:
        """Return the markets whose stream is open."""
        return {name for socket in self._sockets if socket.is_open for name in socket.symbols}

    async def _dial_new(self) -> None:
        while True:
            await self._news.wait()
            await asyncio.sleep(COLLECT_S)
            self._news.clear()
            names, self._wanted = self._wanted, []
            for socket in self._sockets:
                names = socket.add(names)
            while names:
                names = self._open(names)

    def _open(self, names: Sequence[str]) -> list[str]:
        """Open one more socket; return the markets for which it has no room."""
        rest, settings, number = self._rest, self._settings, len(self._sockets)
        socket: KlineSocket | NewerCandleSocket
        if isinstance(rest.client, FastKlines):
            taken = names[:MARKETS_PER_SOCKET]
            socket = KlineSocket(
                rest.client,
                taken,
                number=number,
                exchange=rest.exchange,
                stale_after_s=settings.stale_after_s,
                counters=self._counters,
                gate=rest.gate,
                on_lost=self._on_lost,
            )
        else:
            taken = names
            socket = NewerCandleSocket(
                rest.client,
                taken,
                exchange=rest.exchange,
                stale_after_s=settings.stale_after_s,
                counters=self._counters,
                on_row=self._on_row,
                gate=rest.gate,
                on_lost=self._on_lost,
            )
        self._sockets.append(socket)
        self._start(f"feed socket {number}", socket.run())
        return list(names[len(taken) :])

    def _on_frame(self, frame: Frame) -> None:
        listeners = self._audience.of_id(frame.market_id)
        if not listeners or frame.interval != self._interval:
            self._counters[f"refused_{Refused.UNKNOWN_MARKET}"] += 1
            return
        if frame.event_ms is not None and isinstance(self._clock, SystemClock):
            self._clock.observe(frame.event_ms)
        is_candle = [listener.on_frame(frame) for listener in listeners]
        socket = self._by_url.get(frame.socket) or self._socket_of(frame.socket)
        if socket is not None and any(is_candle):
            socket.frame_came()

    def _on_row(self, name: str, row: Sequence[object]) -> None:
        for listener in self._audience.of(name):
            listener.on_row(name, row)

    def _on_lost(self, names: Sequence[str]) -> None:
        self._audience.lost(names)

    def _on_garbage(self, _url: str) -> None:
        self._counters[f"refused_{Refused.NOT_A_CANDLE}"] += 1

    def _socket_of(self, url: str) -> KlineSocket | None:
        self._by_url = {socket.url: socket for socket in self._sockets if isinstance(socket, KlineSocket)}
        return self._by_url.get(url)
