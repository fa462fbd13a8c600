"""Connection to an exchange: its client, its limits, its sockets and its time, one for all accounts of a program.

Where `[feed] source` names a feed process, that has the sockets and asks the questions, and this is a line to it.

    async with Connection(exchange, feed, clock) as connection:
        source = FeedSource(connection, owned=False)

However many accounts watch a market, it is subscribed to once, and a question that several ask at once is asked once.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from bot.clock import Clock, FollowingClock, PacedClock, SystemClock
from bot.feed.builtin import Builtin
from bot.feed.connect import client_for
from bot.feed.gate import Gate
from bot.feed.line import FeedLine
from bot.feed.rest import Rest
from bot.feed.shared_answers import SharedAnswers
from bot.feed.streams import Streams
from bot.feed.time_keeper import TimeKeeper
from storage.config.market import ExchangeSettings, FeedSettings

PARALLEL_REQUESTS: Final = 8
NOWHERE: Final = "http://feed.invalid"  # never dialled: the feed process knows where the exchange is


class Connection:
    """What the feeds of all accounts share.

    Attributes:
        exchange, feed, clock, on_time: what it was made for.
        rest: the exchange's REST answers.
        streams: its sockets, or those of the feed process.
        builtin: the built-in exchange's own extension, or None.
        keeper: measures a real exchange's time; None: its clock needs none.
        slots: bound on parallel requests.
    """

    def __init__(
        self,
        exchange: ExchangeSettings,
        feed: FeedSettings,
        clock: Clock,
        *,
        url: str = "",
        fast: bool = True,
        on_time: Callable[[int], None] | None = None,
        state: Path | None = None,
        shared: bool = False,
    ) -> None:
        """Prepare; nothing is connected yet. An event loop must be running.

        Args:
            exchange: `[exchange]`.
            feed: `[feed]`.
            clock: the exchange's time.
            url: base address instead of `exchange.url`; the built-in exchange has one only when it runs.
            fast: False takes the timer-and-REST path even where the exchange tells when a candle is closed.
            on_time: told the exchange's time; `PacedClock.advance` where the market waits for us.
            state: folder in which an exchange's bans are remembered; None: they are forgotten at the end.
            shared: several feeds will ask.

        Raises:
            BadInput: no such exchange.
        """
        self.exchange, self.feed, self.clock, self.on_time = exchange, feed, clock, on_time
        self.counters: Counter[str] = Counter()
        self.is_shared = shared
        self.slots = asyncio.Semaphore(PARALLEL_REQUESTS)
        self._jobs: list[tuple[str, Coroutine[Any, Any, None]]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._group: asyncio.TaskGroup | None = None
        self._processed: dict[int, int] = {}  # by feed, the open of the last minute in its ledger
        address = url or exchange.url or (NOWHERE if feed.source else "")
        client = client_for(
            exchange.name,
            exchange.market,
            url=address,
            timeout_s=feed.request_timeout_s,
            keep_alive_s=feed.keep_alive_s,
            fast=fast,
        )
        self._line = line_of(client, exchange, feed, clock, self.counters) if feed.source else None
        self.rest = Rest(
            client,
            exchange=exchange.name,
            clock=clock,
            counters=self.counters,
            page=feed.catch_up_page,
            gate=Gate(exchange.name, state),
            grace_s=0.0 if isinstance(clock, PacedClock) else feed.grace_s,  # it stands where the exchange says
            answers=SharedAnswers(clock) if shared else None,
        )
        if self._line is not None:
            self.rest.ask_through(self._line)
        told = clock.follow if isinstance(clock, FollowingClock) else on_time
        self.builtin = builtin_of(address, self._line, told) if exchange.is_builtin else None
        self.keeper = TimeKeeper(self.rest, clock) if isinstance(clock, SystemClock) else None
        self.streams = self._line or Streams(self.rest, clock, feed, self.counters, self._run)
        self._is_started = False

    async def __aenter__(self) -> Self:
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        group, self._group = self._group, None
        try:
            if group is not None and kind is asyncio.CancelledError:
                await group.__aexit__(kind, error, trace)
            elif group is not None:
                await group.__aexit__(None, None, None)  # so that the caller's own error is not wrapped in a group
        finally:
            await self.close()

    async def close(self) -> None:
        """Close every connection; harmless when repeated."""
        if self._line is not None:
            await self._line.close()
        if self.builtin is not None:
            await self.builtin.close()
        await self.rest.client.close()

    @property
    def is_open(self) -> bool:
        """Whether `async with` was entered."""
        return self._group is not None

    def conditions(self) -> dict[str, str]:
        """Return what is wrong beyond single markets, by name, in words."""
        of_time = {} if self.keeper is None else self.keeper.conditions()
        return of_time if self._line is None else of_time | self._line.conditions()

    def start(self, feed: int, after_ms: int) -> None:
        """Begin what runs beside every feed; note where one of them stands."""
        self._processed[feed] = after_ms
        self.run_beside()

    def run_beside(self) -> None:
        """Begin what runs beside every feed: the time, the line to a feed process, the pace of a built-in market."""
        if self._is_started:
            return
        self._is_started = True
        if self._line is not None:
            self._run("feed line", self._line.hold())
        elif self.keeper is not None:
            self._run("feed time", self.keeper.run())
        if self.builtin is not None:
            self._run("feed pacing", self.builtin.run())

    def forget(self, feed: int) -> None:
        """Wait for a feed no longer, which is gone."""
        if self._processed.pop(feed, None) is not None and self._processed and self.builtin is not None:
            self.builtin.processed(min(self._processed.values()))

    def processed(self, feed: int, minute_ms: int) -> None:
        """Tell the built-in exchange how far the slowest account is; nothing to any other."""
        self._processed[feed] = minute_ms
        if self.builtin is not None:
            self.builtin.processed(min(self._processed.values()))

    def _run(self, name: str, job: Coroutine[Any, Any, None]) -> None:
        assert self._group is not None
        self._tasks.append(self._group.create_task(job, name=name))


def line_of(
    client: Any, exchange: ExchangeSettings, feed: FeedSettings, clock: Clock, counters: Counter[str]
) -> FeedLine:
    """Return a line to the feed process of `[feed] source`."""
    return FeedLine(feed.source, client, exchange=exchange.name, kind=exchange.market, clock=clock, counters=counters)


def builtin_of(url: str, line: FeedLine | None, on_time: Callable[[int], None] | None = None) -> Builtin:
    """Return the built-in exchange's own extension, asked itself or through a line."""
    return Builtin(url, on_time) if line is None else LineBuiltin(line, on_time)


class LineBuiltin(Builtin):
    """The extension of a built-in exchange that a feed process is connected to."""

    def __init__(self, line: FeedLine, on_time: Callable[[int], None] | None) -> None:
        super().__init__(NOWHERE, on_time)
        self._line = line

    async def ask(self, method: str, name: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the answer to a name of the extension, through the line."""
        answer: dict[str, Any] = await self._line.ask_builtin(method, name, body)
        return answer
