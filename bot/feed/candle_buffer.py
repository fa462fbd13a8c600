"""Candle buffer: where candles enter the feed, sequencers in front, the account's barrier behind.

Synchronous: a websocket's handler, a REST answer and a test call the same `take`. Knows what is missing and wakes
whoever fetches it; fetches nothing itself. Bounded: candles more than `window` minutes ahead of the head minute are
dropped and fetched again once there is room.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter, deque
from collections.abc import Sequence

import numpy as np

from bot.feed.candle import CandleNote, ClosedCandle, Revision, repair_note, revision_note
from bot.feed.minutes import MinuteBarrier
from bot.feed.plausible import Plausibility, Wild
from bot.feed.sequencer import Sequencer
from bot.feed.validate import Refused, fits
from strategies.market import MINUTE_MS, Market

WINDOW_MINUTES = 1_440  # minutes collected ahead of the one that leaves next
REVISIONS_KEPT = 1_000
NOTES_KEPT = 10_000
NEVER_MS = 2**62


class CandleBuffer:
    """The candles of one account on their way to its minutes.

    Attributes:
        symbols: those watched: the account's members, and those on their way in.
        moved: set whenever something came; the reader clears it.
        due: set together with `moved`, for the funding fetcher.
    """

    def __init__(
        self,
        markets: Sequence[Market],
        *,
        after_ms: int,
        settled_ms: Sequence[int] | None,
        counters: Counter[str],
        revisions: deque[Revision],
        notes: deque[CandleNote] | None = None,
        wild_move: float = math.inf,
        window: int = WINDOW_MINUTES,
    ) -> None:
        """Start behind the minute `after_ms`.

        Args:
            markets: in the account's order.
            after_ms: open of the last minute that left.
            settled_ms: per market the last bar settled; what lies between it and `after_ms` comes as late bars.
            counters: told what happened.
            revisions: told what the exchange changed its mind about.
            notes: told what people must be able to look up; bounded by its owner.
            wild_move: log return a minute that is not believed at once.
            window: minutes kept ahead.
        """
        head_ms = after_ms + MINUTE_MS
        first_ms = [head_ms] * len(markets)
        if settled_ms is not None:
            first_ms = [min(head_ms, last_ms + MINUTE_MS) for last_ms in settled_ms]
        self.barrier = MinuteBarrier(markets, progress_ms=first_ms, head_ms=head_ms, counters=counters)
        self._answered_ms: dict[str, int] = {}  # everything before it has been asked for by REST, and was answered
        self._funding_answered_ms: dict[str, int] = {}  # the same for funding times
        self.moved = asyncio.Event()
        self.due = asyncio.Event()
        self._left = asyncio.Event()
        self.counters = counters
        self.plausibility = Plausibility(wild_move)
        self.notes: deque[CandleNote] = deque(maxlen=NOTES_KEPT) if notes is None else notes
        self.reconnected_s: dict[str, float] = {}  # per symbol, when its stream was lost last
        self.answered_s = 0.0  # when the exchange last answered any market
        self._revisions = revisions
        self._specs: dict[str, Market] = {}
        self._window_ms = window * MINUTE_MS
        self._wanted: dict[str, asyncio.Event] = {}
        self._without_room: set[str] = set()
        self._stuck: set[str] = set()
        self._stood_at: dict[str, int] = {}
        self._sequencers: dict[str, Sequencer] = {}
        for market, start_ms in zip(markets, first_ms, strict=True):
            if market.is_member:
                self.watch(market, start_ms)

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(self._sequencers)

    @property
    def answered_ms(self) -> np.ndarray:
        """(markets,) everything before it has been asked for by REST, and was answered."""
        return self._by_index(self._answered_ms)

    @property
    def funding_answered_ms(self) -> np.ndarray:
        """(markets,) the same for funding times."""
        return self._by_index(self._funding_answered_ms)

    def watch(self, market: Market, start_ms: int) -> None:
        """Take candles of a market from `start_ms` on."""
        symbol = market.symbol
        self._sequencers[symbol] = Sequencer(
            symbol, start_ms, step_ms=MINUTE_MS, counters=self.counters, revisions=self._revisions
        )
        self._specs[symbol] = market
        self._wanted[symbol] = asyncio.Event()
        self._answered_ms[symbol], self._funding_answered_ms[symbol] = start_ms, 0

    def unwatch(self, symbol: str) -> None:
        """Take no more candles of a market, and wait for none."""
        self.barrier.ignore(symbol)
        for kept in (self._sequencers, self._specs, self._answered_ms, self._funding_answered_ms, self._stood_at):
            kept.pop(symbol, None)
        self._stuck.discard(symbol)
        self._without_room.discard(symbol)

    def sync(self, markets: Sequence[Market]) -> list[str]:
        """Take the account's markets as they are after a minute; return those no longer watched."""
        self.barrier.sync(markets)
        self._specs.update({market.symbol: market for market in markets if market.symbol in self._specs})
        left = [market.symbol for market in markets if not market.is_member and market.symbol in self._sequencers]
        gone = [symbol for symbol in left if not self.barrier.lobby.expects(symbol)]
        for symbol in gone:
            self.unwatch(symbol)
        return gone

    def answer(self, symbol: str, until_ms: int) -> None:
        """Note that everything of a market before `until_ms` has been asked for, and was answered."""
        self._answered_ms[symbol] = max(self._answered_ms.get(symbol, 0), until_ms)

    def answer_funding(self, symbol: str, asked_ms: int) -> None:
        """Note that the funding rates of a market up to `asked_ms` have been asked for, and were answered."""
        self._funding_answered_ms[symbol] = asked_ms
        self.barrier.answer_funding(symbol, asked_ms)

    @property
    def horizon_ms(self) -> int:
        """Opens at or beyond it have no room yet."""
        return self.barrier.head_ms + self._window_ms

    def take(self, candle: ClosedCandle) -> None:
        """Take a validated closed candle; of a market that is no longer watched it is nothing."""
        if candle.symbol not in self._sequencers:
            return
        sequencer, revisions = self._sequencers[candle.symbol], self.counters["revisions"]
        self._pass_on(sequencer.offer(candle, horizon_ms=self.horizon_ms))
        if self.counters["revisions"] > revisions:
            self.note(revision_note(self._revisions[-1]))
        if sequencer.gap() is not None:
            self._wanted[candle.symbol].set()

    def offer_frame(self, candle: ClosedCandle) -> None:
        """Take a candle that a frame calls closed; one that is not believable waits for REST to say the same."""
        sequencer = self._sequencers.get(candle.symbol)
        if sequencer is None:
            return
        if candle.open_ms < sequencer.next_ms or self.judge(candle, is_frame=True) is None:
            self.take(candle)
            return
        self.counters["held_wild"] += 1
        self.newer_candle(candle.symbol, candle.open_ms + MINUTE_MS)

    def judge(self, candle: ClosedCandle, *, is_frame: bool = False) -> Wild | Refused | None:
        """Return why a candle may not pass as it is, or None."""
        if not fits(self._specs[candle.symbol], candle.values):
            return Refused.OUT_OF_RANGE
        return self.plausibility.judge(candle, is_frame=is_frame)

    def note(self, note: CandleNote) -> None:
        """Keep something that people must be able to look up."""
        self.counters[f"candles_{note.kind}"] += 1
        self.notes.append(note)

    def lost(self, symbols: Sequence[str], at_s: float) -> None:
        """Note that the stream of these markets was lost: their newest candles are looked at twice for a while."""
        self.reconnected_s.update(dict.fromkeys(symbols, at_s))

    def newer_candle(self, symbol: str, open_ms: int) -> None:
        """Note that a candle opened at `open_ms`: all before it have closed and can be fetched."""
        sequencer = self._sequencers.get(symbol)
        if sequencer is None:
            return
        sequencer.seen_ms = max(sequencer.seen_ms, open_ms - MINUTE_MS)
        if sequencer.gap() is not None:
            self._wanted[symbol].set()

    def skip(self, symbol: str, until_ms: int) -> None:
        """Give up the candles of `symbol` before `until_ms`: the exchange does not have them."""
        if symbol not in self._sequencers:
            return
        self.barrier.skip(symbol, until_ms)
        self._pass_on(self._sequencers[symbol].skip(until_ms))
        self.tell()

    def next_ms(self, symbol: str) -> int:
        """Return the open of the candle that `symbol` needs next; far away when it is not watched."""
        sequencer = self._sequencers.get(symbol)
        return NEVER_MS if sequencer is None else sequencer.next_ms

    def seen_ms(self, symbol: str) -> int:
        """Return the open of the newest candle that came of `symbol`, -1 where none did."""
        sequencer = self._sequencers.get(symbol)
        return -1 if sequencer is None else sequencer.seen_ms

    def missing(self, symbol: str, due_ms: int) -> tuple[int, int] | None:
        """Return [start, end) of what should be fetched now, or None.

        Args:
            symbol: of the account.
            due_ms: candles that closed at or before it should be here.
        """
        sequencer = self._sequencers.get(symbol)
        if sequencer is None or self.barrier.is_halted(symbol):
            return None
        due_end_ms = due_ms // MINUTE_MS * MINUTE_MS
        gap = sequencer.gap()
        if gap is None and sequencer.next_ms < due_end_ms:
            gap = sequencer.next_ms, due_end_ms
        if gap is None:
            return None
        start_ms, end_ms = gap[0], min(gap[1], self.horizon_ms)
        if start_ms >= end_ms:
            self._without_room.add(symbol)
            return None
        return start_ms, end_ms

    def wake_overdue(self, due_ms: int) -> None:
        """Wake the fetchers of markets that have stood since the last call and whose candle is due by `due_ms`."""
        for symbol, sequencer in self._sequencers.items():
            stands = self._stood_at.get(symbol) == sequencer.next_ms and not self.barrier.is_halted(symbol)
            self._stood_at[symbol] = sequencer.next_ms
            if stands and sequencer.next_ms + MINUTE_MS <= due_ms:
                self._stuck.add(symbol)
                self._wanted[symbol].set()
            else:
                self._stuck.discard(symbol)

    def is_whole(self, symbol: str) -> bool:
        """Tell whether nothing of `symbol` is missing as far as is known; what is halted has nothing that could be."""
        sequencer = self._sequencers.get(symbol)
        if sequencer is not None and self.barrier.is_halted(symbol):
            return True
        return symbol not in self._stuck and sequencer is not None and sequencer.gap() is None

    async def wanted(self, symbol: str) -> None:
        """Wait until something of `symbol` may have to be fetched."""
        await self._wanted[symbol].wait()
        self._wanted[symbol].clear()

    def left(self) -> None:
        """Note that a minute left, so that there is room again."""
        self._left.set()
        self._left = asyncio.Event()
        for symbol in self._without_room & self._wanted.keys():
            self._wanted[symbol].set()
        self._without_room.clear()

    async def minute_left(self) -> None:
        """Wait until a minute leaves."""
        await self._left.wait()

    def tell(self) -> None:
        """Wake the readers."""
        self.moved.set()
        self.due.set()

    def _by_index(self, times: dict[str, int]) -> np.ndarray:
        return np.array([times.get(market.symbol, 0) for market in self.barrier.markets], np.int64)

    def _pass_on(self, released: Sequence[ClosedCandle]) -> None:
        for candle in released:
            self.plausibility.released(candle)
            if candle.is_repaired:
                self.note(repair_note(candle))
            self.barrier.offer(candle)
        if released:
            self.tell()
