"""Where candles enter the feed, whoever brings them: sequencers in front, the account's barrier behind.

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

from bot.feed.candle import CandleNote, ClosedCandle, Revision
from bot.feed.minutes import MinuteBarrier
from bot.feed.plausible import Plausibility, Wild
from bot.feed.sequencer import Sequencer
from bot.feed.validate import Refused, fits
from strategies.market import MINUTE_MS, Market

WINDOW_MINUTES = 1_440  # minutes collected ahead of the one that leaves next
REVISIONS_KEPT = 1_000
NOTES_KEPT = 10_000


class CandleBuffer:
    """The candles of one account on their way to its minutes.

    Attributes:
        answered_ms: (markets,) everything before it has been asked for by REST, and was answered.
        funding_answered_ms: (markets,) the same for funding times.
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
        self.symbols = tuple(market.symbol for market in markets)
        self.index = {symbol: index for index, symbol in enumerate(self.symbols)}
        self.answered_ms = np.array(first_ms, np.int64)
        self.funding_answered_ms = np.zeros(len(markets), np.int64)
        self.moved = asyncio.Event()
        self.due = asyncio.Event()
        self.counters = counters
        self.plausibility = Plausibility(wild_move)
        self.notes: deque[CandleNote] = deque(maxlen=NOTES_KEPT) if notes is None else notes
        self.reconnected_s: dict[str, float] = {}  # per symbol, when its stream was lost last
        self.answered_s = 0.0  # when the exchange last answered any market
        self._revisions = revisions
        self._window_ms = window * MINUTE_MS
        self._wanted = {symbol: asyncio.Event() for symbol in self.symbols}
        self._without_room: set[str] = set()
        self._stuck: set[str] = set()
        self._stood_at: dict[str, int] = {}
        self._sequencers = {
            symbol: Sequencer(symbol, start_ms, step_ms=MINUTE_MS, counters=counters, revisions=revisions)
            for symbol, start_ms in zip(self.symbols, first_ms, strict=True)
        }

    @property
    def horizon_ms(self) -> int:
        """Opens at or beyond it have no room yet."""
        return self.barrier.head_ms + self._window_ms

    def take(self, candle: ClosedCandle) -> None:
        """Take a validated closed candle."""
        sequencer, revisions = self._sequencers[candle.symbol], self.counters["revisions"]
        self._pass_on(sequencer.offer(candle, horizon_ms=self.horizon_ms))
        if self.counters["revisions"] > revisions:
            self.note(_revision(self._revisions[-1]))
        if sequencer.gap() is not None:
            self._wanted[candle.symbol].set()

    def offer_frame(self, candle: ClosedCandle) -> None:
        """Take a candle that a frame calls closed; one that is not believable waits for REST to say the same."""
        sequencer = self._sequencers[candle.symbol]
        if candle.open_ms < sequencer.next_ms or self.judge(candle, is_frame=True) is None:
            self.take(candle)
            return
        self.counters["held_wild"] += 1
        self.hint(candle.symbol, candle.open_ms + MINUTE_MS)

    def judge(self, candle: ClosedCandle, *, is_frame: bool = False) -> Wild | Refused | None:
        """Return why a candle may not pass as it is, or None."""
        if not fits(self.barrier.markets[self.index[candle.symbol]], candle.values):
            return Refused.OUT_OF_RANGE
        return self.plausibility.judge(candle, is_frame=is_frame)

    def note(self, note: CandleNote) -> None:
        """Keep something that people must be able to look up."""
        self.counters[f"candles_{note.kind}"] += 1
        self.notes.append(note)

    def lost(self, symbols: Sequence[str], at_s: float) -> None:
        """Note that the stream of these markets was lost: their newest candles are looked at twice for a while."""
        self.reconnected_s.update(dict.fromkeys(symbols, at_s))

    def hint(self, symbol: str, open_ms: int) -> None:
        """Note that a candle opened at `open_ms`: all before it have closed and can be fetched."""
        sequencer = self._sequencers[symbol]
        sequencer.seen_ms = max(sequencer.seen_ms, open_ms - MINUTE_MS)
        if sequencer.gap() is not None:
            self._wanted[symbol].set()

    def skip(self, symbol: str, until_ms: int) -> None:
        """Give up the candles of `symbol` before `until_ms`: the exchange does not have them."""
        self.barrier.skip(symbol, until_ms)
        self._pass_on(self._sequencers[symbol].skip(until_ms))
        self.tell()

    def next_ms(self, symbol: str) -> int:
        """Return the open of the candle that `symbol` needs next."""
        return self._sequencers[symbol].next_ms

    def missing(self, symbol: str, due_ms: int) -> tuple[int, int] | None:
        """Return [start, end) of what should be fetched now, or None.

        Args:
            symbol: of the account.
            due_ms: candles that closed at or before it should be here.
        """
        sequencer = self._sequencers[symbol]
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
            stands = self._stood_at.get(symbol) == sequencer.next_ms
            self._stood_at[symbol] = sequencer.next_ms
            if stands and sequencer.next_ms + MINUTE_MS <= due_ms:
                self._stuck.add(symbol)
                self._wanted[symbol].set()
            else:
                self._stuck.discard(symbol)

    def is_whole(self, symbol: str) -> bool:
        """Tell whether nothing of `symbol` is missing as far as is known."""
        return symbol not in self._stuck and self._sequencers[symbol].gap() is None

    async def wanted(self, symbol: str) -> None:
        """Wait until something of `symbol` may have to be fetched."""
        await self._wanted[symbol].wait()
        self._wanted[symbol].clear()

    def left(self) -> None:
        """Note that a minute left, so that there is room again."""
        for symbol in self._without_room:
            self._wanted[symbol].set()
        self._without_room.clear()

    def tell(self) -> None:
        """Wake the readers."""
        self.moved.set()
        self.due.set()

    def _pass_on(self, released: Sequence[ClosedCandle]) -> None:
        for candle in released:
            self.plausibility.released(candle)
            if candle.is_repaired:
                self.note(_repaired(candle))
            self.barrier.offer(candle)
        if released:
            self.tell()


def _repaired(candle: ClosedCandle) -> CandleNote:
    opening, high, low, close, _ = candle.values
    return CandleNote(
        kind="repaired",
        symbol=candle.symbol,
        open_ms=candle.open_ms,
        until_ms=candle.open_ms + MINUTE_MS,
        text=f"widened to {low:,.8g} - {high:,.8g} to hold its open {opening:,.8g} and close {close:,.8g}",
        stored=candle.values,
    )


def _revision(found: Revision) -> CandleNote:
    return CandleNote(
        kind="revision",
        symbol=found.symbol,
        open_ms=found.open_ms,
        until_ms=found.open_ms + MINUTE_MS,
        text=f"the exchange changed its close from {found.accepted[3]:,.8g} to {found.revised[3]:,.8g}; not applied",
        stored=found.accepted,
        other=found.revised,
    )
