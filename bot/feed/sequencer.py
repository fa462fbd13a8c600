"""Sequencer: one market's closed candles in order, each once, without a gap.

A candle that comes early waits until those before it are here; the gap is named so that somebody can fetch it by REST.
The first accepted value is the truth: a later revision is counted and recorded, not applied. Pure, without a clock.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque

from bot.feed.candle import ClosedCandle, Revision, Values

REMEMBERED = 512  # accepted candles kept for telling a duplicate from a revision
PENDING_LIMIT = 2_000  # early candles kept; beyond it they are dropped, for REST has them


class Sequencer:
    """Releases the candles of one market in order.

    Attributes:
        next_ms: open of the candle to be released next.
        seen_ms: largest open that came, released or not; -1 before the first.
    """

    def __init__(
        self, symbol: str, next_ms: int, *, step_ms: int, counters: Counter[str], revisions: deque[Revision]
    ) -> None:
        self.symbol = symbol
        self.next_ms = next_ms
        self.seen_ms = -1
        self._step_ms = step_ms
        self._counters = counters
        self._revisions = revisions  # owned by the source, which bounds it
        self._pending: dict[int, ClosedCandle] = {}
        self._accepted: OrderedDict[int, Values] = OrderedDict()

    def offer(self, candle: ClosedCandle, *, horizon_ms: int) -> list[ClosedCandle]:
        """Return the candles this one releases, ascending; none when it is early, late, a duplicate or a revision.

        Args:
            candle: validated, closed.
            horizon_ms: opens at or beyond it have no room downstream yet: the candle is dropped and fetched later.
        """
        self.seen_ms = max(self.seen_ms, candle.open_ms)
        if candle.open_ms < self.next_ms:
            self._judge_again(candle)
            return []
        if candle.open_ms >= horizon_ms or (candle.open_ms > self.next_ms and len(self._pending) >= PENDING_LIMIT):
            self._counters["dropped_for_room"] += 1
            return []
        if candle.open_ms in self._pending:
            self._compare(candle, self._pending[candle.open_ms].values)
            return []
        self._pending[candle.open_ms] = candle
        return self._release()

    def gap(self) -> tuple[int, int] | None:
        """Return [start, end) of the candles missing before the nearest one that came, or None."""
        if self._pending:
            return self.next_ms, min(self._pending)
        return (self.next_ms, self.seen_ms + self._step_ms) if self.seen_ms >= self.next_ms else None

    def skip(self, until_ms: int) -> list[ClosedCandle]:
        """Give up the candles before `until_ms`, which the exchange does not have; return what that releases."""
        self._counters["skipped"] += max(0, until_ms - self.next_ms) // self._step_ms
        self.next_ms = max(self.next_ms, until_ms)
        return self._release()

    def _release(self) -> list[ClosedCandle]:
        released = []
        while (candle := self._pending.pop(self.next_ms, None)) is not None:
            released.append(candle)
            self._accepted[candle.open_ms] = candle.values
            self.next_ms += self._step_ms
        while len(self._accepted) > REMEMBERED:
            self._accepted.popitem(last=False)
        return released

    def _judge_again(self, candle: ClosedCandle) -> None:
        accepted = self._accepted.get(candle.open_ms)
        if accepted is None:
            self._counters["too_late"] += 1
        else:
            self._compare(candle, accepted)

    def _compare(self, candle: ClosedCandle, accepted: Values) -> None:
        if candle.values == accepted:
            self._counters["duplicates"] += 1
            return
        self._counters["revisions"] += 1
        self._revisions.append(
            Revision(symbol=candle.symbol, open_ms=candle.open_ms, accepted=accepted, revised=candle.values)
        )
