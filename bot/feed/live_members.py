"""The running feed while its markets change: tasks and subscriptions that come and go with an account's members."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any

from bot.clock import Clock
from bot.feed.candle_buffer import NEVER_MS
from bot.feed.joining import History, Joining
from bot.feed.live import LiveFeed
from strategies.market import Market, Timeframe
from strategies.minute import Command

Jobs = Iterable[tuple[str, Coroutine[Any, Any, None]]]


class LiveMembers:
    """Owns the tasks of a running feed, by market where they belong to one."""

    def __init__(self, live: LiveFeed, *, group: asyncio.TaskGroup, history: History, clock: Clock) -> None:
        self._live = live
        self._group = group
        self._history = history
        self._clock = clock
        self._tasks: dict[str, list[asyncio.Task[None]]] = {}

    def start(self, jobs: Jobs) -> None:
        """Run jobs; what is named after a market ends with it."""
        for name, job in jobs:
            self._tasks.setdefault(name.split(" ")[-1], []).append(self._group.create_task(job, name=name))

    def cancel(self) -> None:
        """End everything."""
        for task in (task for tasks in self._tasks.values() for task in tasks):
            task.cancel()

    def change(self, command: Command, timeframe: Timeframe) -> None:
        """Let a market join with a decision boundary to come, or change or leave with the next minute."""
        assert command.spec is not None
        buffer, symbol = self._live.candle_buffer, command.spec.symbol
        if command.kind != "join":
            buffer.barrier.lobby.queue(command)
            buffer.tell()
        elif not buffer.barrier.lobby.expects(symbol):
            buffer.barrier.lobby.expect(symbol, NEVER_MS)
            joining = Joining(
                command,
                buffer=buffer,
                history=self._history,
                watch=self._watch,
                timeframe=timeframe,
                clock=self._clock,
            )
            self.start([(f"feed join {symbol}", joining.run())])

    def awaits(self, symbol: str) -> bool:
        """Tell whether a market is on its way in."""
        return self._live.candle_buffer.barrier.lobby.expects(symbol)

    def give_up(self, symbol: str) -> bool:
        """Let a market not join that is on its way in; return whether there was one."""
        if not self.awaits(symbol):
            return False
        buffer = self._live.candle_buffer
        buffer.barrier.lobby.forget(symbol)
        buffer.unwatch(symbol)
        self._live.unwatch(symbol)
        for task in self._tasks.pop(symbol, ()):
            task.cancel()
        buffer.tell()
        return True

    def sync(self, markets: Sequence[Market]) -> list[str]:
        """Take the account's markets as they are after a minute; return those no longer watched."""
        gone = self._live.candle_buffer.sync(markets)
        for symbol in gone:
            self._live.unwatch(symbol)
            for task in self._tasks.pop(symbol, ()):
                task.cancel()
        return gone

    def _watch(self, market: Market, start_ms: int) -> None:
        self._live.candle_buffer.watch(market, start_ms)
        self.start(self._live.watch(market.symbol))
