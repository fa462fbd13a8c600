"""The feed as the rest of the program knows it: an exchange's markets, history and account minutes.

    async with FeedSource(Connection(exchange, feed, clock)) as source:
        markets = await source.markets(symbols)
        async for minute in source.minutes(after_ms): ...

The minutes missed come first, by REST, then the live ones; each once, in order, without a gap. The tape says where to
go on. `async with` owns the tasks; `markets`, `history` and `funding` also work without it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from types import TracebackType
from typing import Self

import numpy as np

from bot.feed.candle import CandleNote, Revision
from bot.feed.candle_buffer import NOTES_KEPT, REVISIONS_KEPT, WINDOW_MINUTES, CandleBuffer
from bot.feed.connection import Connection
from bot.feed.listing import Listing, describe_markets, known_markets, list_markets
from bot.feed.live import LiveFeed
from bot.feed.live_members import LiveMembers
from bot.feed.pages import PageProgress, candle_pages, funding_rates
from bot.feed.past import Past
from bot.feed.release import ReleasePolicy
from bot.feed.rules_watch import RulesWatch
from bot.feed.tickers import Listed, listing_of
from bot.waiting import elapsed_s
from storage.config.market import ExchangeSettings, FeedSettings
from strategies.errors import ExchangeFailed
from strategies.market import CandleArray, Market, Timeframe
from strategies.minute import AccountMinute, Command

LOOKS = 2  # at the rules before the first minute: a market counts as ended when two answers lack it


class FeedSource:
    """Watches the markets of one account on one exchange.

    Attributes:
        counters: what happened so far, by name; for `/metrics`.
        revisions: the latest candles that the exchange changed after they had been accepted.
        notes: what has to be kept about single candles; the reader takes them out.
        ready: per market whether its stream is open and no gap is; False before the first frame.
        last_frame_ms: exchange time of the latest valid frame; 0 before the first.
        builtin: the built-in exchange's own extension, or None.
        past: history that decisions begin with, judged as live candles are.
        gathered_ms: wall time from the first candle of the latest minute to its leaving.
    """

    def __init__(
        self,
        connection: Connection,
        exchange: ExchangeSettings | None = None,
        feed: FeedSettings | None = None,
        *,
        owned: bool = True,
    ) -> None:
        """Prepare; nothing is connected yet. An event loop must be running.

        Args:
            connection: to the exchange.
            exchange: `[exchange]` of the account; None: the connection's.
            feed: `[feed]` of the account; None: the connection's.
            owned: the connection is opened and closed with this feed; False: other feeds use it, too.
        """
        self._owned = owned
        self._connection = connection
        self.counters = self._connection.counters
        self.revisions: deque[Revision] = deque(maxlen=REVISIONS_KEPT)
        self.notes: deque[CandleNote] = deque(maxlen=NOTES_KEPT)
        self.ready: dict[str, bool] = {}
        self.last_frame_ms = 0
        self.gathered_ms = 0
        self._exchange = exchange or connection.exchange
        self._settings = feed or connection.feed
        self._clock = connection.clock
        self._rest = self._connection.rest
        self.builtin = self._connection.builtin
        self._markets: list[Market] = []
        self._joining: list[Market] = []
        self._group: asyncio.TaskGroup | None = None
        self._owed_ms: Sequence[Sequence[int]] = ()
        self._members: LiveMembers | None = None
        self._live: LiveFeed | None = None
        self.past = Past(
            self._rest,
            self._clock,
            wild_move=self._settings.wild_move,
            know=self._know,
            spec_of=lambda symbol: next(
                (part for part in (*self._joining[::-1], *self._markets) if part.symbol == symbol), None
            ),
            note=self._note,
        )

    async def __aenter__(self) -> Self:
        if self._owned:
            await self._connection.__aenter__()
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._members is not None:
            self._members.cancel()
        group, self._group = self._group, None
        try:
            if group is not None and kind is asyncio.CancelledError:
                await group.__aexit__(kind, error, trace)
            elif group is not None:
                await group.__aexit__(None, None, None)  # so that the caller's own error is not wrapped in a group
        finally:
            if self._owned:
                await self._connection.__aexit__(kind, error, trace)

    async def close(self) -> None:
        """Close every connection of its own; harmless when repeated."""
        if self._owned:
            await self._connection.close()

    async def markets(self, symbols: Sequence[str]) -> list[Market]:
        """Return the markets of canonical `symbols`, in their order; `minutes` will watch these.

        Raises:
            ExchangeFailed: the exchange cannot be reached, or refuses this place.
            NoSuchMarket: it does not list a symbol.
            UnsupportedMarket: a symbol cannot be traded in whole ticks and lots.
        """
        self._markets = await list_markets(self._rest, symbols, self._exchange.market)
        return self._markets

    async def listing(self) -> list[Listed]:
        """Return every market of the account's kind that the exchange lists, with what it says about each.

        Raises:
            ExchangeFailed: it cannot be reached.
        """
        return await listing_of(self._rest, self._exchange.market)

    async def describe(self, symbols: Sequence[str]) -> dict[str, Listing]:
        """Return what the exchange says now of those of `symbols` that it still lists.

        Raises:
            ExchangeFailed: the exchange cannot be reached, or refuses this place.
        """
        return await describe_markets(self._rest, symbols, self._exchange.market)

    def watch(self, markets: Sequence[Market], owed_ms: Sequence[Sequence[int]] = ()) -> None:
        """Let `minutes` watch an account's markets, by index; before it is read.

        Args:
            owed_ms: per market funding times on the tape without a rate.
        """
        self._markets, self._owed_ms = list(markets), owed_ms

    def change(self, command: Command, timeframe: Timeframe) -> None:
        """Let a market join with a decision boundary to come, or change or leave with the next minute."""
        if self._members is None:
            raise RuntimeError("markets change while minutes are read")
        if command.kind == "join" and command.spec is not None:
            self._joining.append(command.spec)
        self._members.change(command, timeframe)

    def members(self, markets: Sequence[Market]) -> None:
        """Take the account's markets as they are after a minute; those that left are watched no longer."""
        if self._members is not None:
            for symbol in self._members.sync(markets):
                self.ready.pop(symbol, None)

    def awaits(self, symbol: str) -> bool:
        """Tell whether a market is on its way into the account."""
        return self._members is not None and self._members.awaits(symbol)

    def give_up(self, symbol: str) -> bool:
        """Let a market not join that is on its way in; tell whether there was one."""
        return self._members is not None and self._members.give_up(symbol)

    async def history(
        self, symbol: str, timeframe: Timeframe, start_ms: int, end_ms: int, *, progress: PageProgress | None = None
    ) -> CandleArray:
        """Return the closed candles with start <= open < end that the exchange has, (n, 6) float64, ascending.

        Raises:
            ExchangeFailed: it cannot be reached; attempts have been made.
        """
        pages = [page async for page in self.history_pages(symbol, timeframe, start_ms, end_ms, progress=progress)]
        return np.concatenate(pages) if pages else np.empty((0, 6))

    async def history_pages(
        self, symbol: str, timeframe: Timeframe, start_ms: int, end_ms: int, *, progress: PageProgress | None = None
    ) -> AsyncGenerator[CandleArray, None]:
        """Yield the same page by page, so that a caller can store each and resume behind the last."""
        await self._know(symbol)
        async for page in candle_pages(self._rest, self._clock, symbol, timeframe, start_ms, end_ms, progress):
            yield page

    async def funding(self, symbol: str, start_ms: int, end_ms: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (times, rates x 1e8), both (n,) int64, of the rates settled in [start, end).

        Raises:
            ExchangeFailed: it cannot be reached; attempts have been made.
        """
        await self._know(symbol)
        return await funding_rates(self._rest, symbol, start_ms, end_ms)

    async def minutes(
        self, after_ms: int, settled_ms: Sequence[int] | None = None
    ) -> AsyncGenerator[AccountMinute, None]:
        """Yield every account minute after the one that opened at `after_ms`: missed ones first, then live, for ever.

        Args:
            after_ms: open of the last minute on the tape.
            settled_ms: per market the last bar settled; what lies between it and `after_ms` comes as late bars.

        Raises:
            RuntimeError: `markets` was not asked before, `async with` was not entered, or this is called twice.
        """
        if self._group is None or not self._markets or self._live is not None:
            raise RuntimeError("minutes() is read once, inside `async with`, after markets()")
        candle_buffer = CandleBuffer(
            self._markets,
            after_ms=after_ms,
            settled_ms=settled_ms,
            counters=self.counters,
            revisions=self.revisions,
            notes=self.notes,
            wild_move=self._settings.wild_move,
            window=max(WINDOW_MINUTES, 2 * self._settings.catch_up_page),
        )
        candle_buffer.barrier.owe(self._owed_ms)
        self._rules = RulesWatch(candle_buffer, self.describe, self._clock)
        await self._look_at_rules()
        for symbol in set(candle_buffer.symbols) - self._rest.names.keys():
            candle_buffer.unwatch(symbol)  # the exchange knows it no longer; it leaves with the first minute
        self._connection.start(id(self), after_ms)
        self._live = self._start(candle_buffer)
        policy, began_s = ReleasePolicy(self._settings.close_deadline_s), elapsed_s()
        while True:
            candle_buffer.moved.clear()
            speed, now_ms = self._clock.speed, self._clock.now_ms()
            known_ms = self._clock.at_least_ms()
            if not policy.may_leave(candle_buffer, now_ms=now_ms, now_s=elapsed_s(), speed=speed, known_ms=known_ms):
                await candle_buffer.moved.wait()
                began_s = began_s if candle_buffer.barrier.has_any() else elapsed_s()
                continue
            minute = candle_buffer.barrier.release()
            candle_buffer.left()
            self.gathered_ms = round((elapsed_s() - began_s) * 1000)
            yield minute
            began_s = elapsed_s()

    async def processed(self, minute_ms: int) -> None:
        """Tell the built-in exchange that a minute is in the ledger; nothing to any other."""
        self._connection.processed(id(self), minute_ms)

    @property
    def conditions(self) -> dict[str, str]:
        """What is wrong beyond single markets now, such as a clock that was set: name and sentence."""
        return {} if self._live is None else self._live.conditions()

    def _start(self, candle_buffer: CandleBuffer) -> LiveFeed:
        assert self._group is not None
        live = LiveFeed(
            candle_buffer=candle_buffer,
            clock=self._clock,
            settings=self._settings,
            connection=self._connection,
            on_time=self._connection.on_time,
            on_health=self._note_health,
        )
        jobs = [*live.jobs(), ("feed rules", self._rules.run())]
        self._members = LiveMembers(live, group=self._group, history=self.past.history, clock=self._clock)
        self._members.start(jobs)
        return live

    async def _look_at_rules(self) -> None:
        """Compare an account's markets with the exchange's before its first minute: it may have changed them since."""
        for _ in range(LOOKS):
            try:
                await self._rules.check()
            except ExchangeFailed:
                return  # the watch goes on asking

    def _note_health(self, ready: dict[str, bool], last_frame_ms: int) -> None:
        self.ready, self.last_frame_ms = ready, last_frame_ms

    def _note(self, note: CandleNote) -> None:
        self.counters[f"candles_{note.kind}"] += 1
        self.notes.append(note)

    async def _know(self, symbol: str) -> None:
        if symbol not in self._rest.names:
            await known_markets(self._rest, [symbol], self._exchange.market)
