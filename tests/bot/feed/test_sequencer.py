"""One market's candles: in order, once, without a gap, whatever order they come in."""

from __future__ import annotations

from collections import Counter, deque

from hypothesis import given
from hypothesis import strategies as st

from bot.feed.candle import ClosedCandle, Revision
from bot.feed.sequencer import Sequencer
from strategies.market import MINUTE_MS

FAR_MS = 10**15


def candle(number: int, close: float = 100.0) -> ClosedCandle:
    return ClosedCandle(symbol="BTCUSDT", open_ms=number * MINUTE_MS, values=(100.0, 110.0, 90.0, close, 1.0))


class Bench:
    def __init__(self) -> None:
        self.counters: Counter[str] = Counter()
        self.revisions: deque[Revision] = deque()
        self.sequencer = Sequencer("BTCUSDT", 0, step_ms=MINUTE_MS, counters=self.counters, revisions=self.revisions)

    def offer(self, number: int, close: float = 100.0, horizon_ms: int = FAR_MS) -> list[int]:
        released = self.sequencer.offer(candle(number, close), horizon_ms=horizon_ms)
        return [one.open_ms // MINUTE_MS for one in released]


@given(st.permutations(range(12)), st.lists(st.integers(0, 11), max_size=10))
def test_any_order_with_duplicates_comes_out_sorted_and_once(order: list[int], again: list[int]) -> None:
    bench = Bench()
    released = [number for came in [*order[:6], *again, *order[6:], *again] for number in bench.offer(came)]
    assert released == list(range(12))
    assert bench.sequencer.gap() is None
    assert bench.counters["revisions"] == 0


def test_an_early_candle_waits_and_the_hole_is_named() -> None:
    bench = Bench()
    assert bench.offer(0) == [0]
    assert bench.offer(3) == []
    assert bench.sequencer.gap() == (1 * MINUTE_MS, 3 * MINUTE_MS)
    assert bench.offer(2) == []
    assert bench.sequencer.gap() == (1 * MINUTE_MS, 2 * MINUTE_MS)
    assert bench.offer(1) == [1, 2, 3]


def test_the_first_value_is_the_truth_and_a_revision_is_recorded() -> None:
    bench = Bench()
    bench.offer(0, close=100.0)
    assert bench.offer(0, close=101.0) == []
    assert bench.offer(0, close=100.0) == []
    assert (bench.counters["revisions"], bench.counters["duplicates"]) == (1, 1)
    assert bench.revisions[0].accepted[3] == 100.0
    assert bench.revisions[0].revised[3] == 101.0


def test_a_candle_that_never_traded_is_skipped() -> None:
    bench = Bench()
    bench.offer(2)
    assert [one.open_ms for one in bench.sequencer.skip(2 * MINUTE_MS)] == [2 * MINUTE_MS]
    assert bench.counters["skipped"] == 2
    assert bench.offer(1) == []
    assert bench.counters["too_late"] == 1


def test_candles_without_room_are_dropped_and_remembered_as_missing() -> None:
    bench = Bench()
    assert bench.offer(0, horizon_ms=0) == []
    assert bench.counters["dropped_for_room"] == 1
    assert bench.sequencer.gap() == (0, MINUTE_MS)
    assert bench.offer(0) == [0]
