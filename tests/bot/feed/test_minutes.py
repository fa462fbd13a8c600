"""The barrier of an account: who is in a minute, who comes late, and when waiting ends."""

from __future__ import annotations

from collections import Counter, deque
from decimal import Decimal

import numpy as np

from bot.feed.candle import ClosedCandle
from bot.feed.candle_buffer import CandleBuffer
from bot.feed.minutes import MinuteBarrier
from bot.feed.release import ReleasePolicy
from strategies.kernel.state import NO_RATE
from strategies.market import HOUR_MS, MINUTE_MS, Market

FUNDING_MS = 20_000 * 8 * HOUR_MS
MARKETS = [
    Market(exchange="builtin", symbol=symbol, tick=Decimal("0.1"), lot=Decimal("0.001"))
    for symbol in ("BTCUSDT", "ETHUSDT")
]


def candle(symbol: str, open_ms: int, close: float = 100.0) -> ClosedCandle:
    return ClosedCandle(symbol=symbol, open_ms=open_ms, values=(100.0, 110.0, 90.0, close, 2.5))


def barrier(head_ms: int) -> MinuteBarrier:
    return MinuteBarrier(MARKETS, progress_ms=[head_ms] * 2, head_ms=head_ms, counters=Counter())


def candle_buffer(head_ms: int) -> CandleBuffer:
    return CandleBuffer(MARKETS, after_ms=head_ms - MINUTE_MS, settled_ms=None, counters=Counter(), revisions=deque())


def test_a_minute_holds_every_market_in_ticks_and_lots() -> None:
    desk = barrier(MINUTE_MS)
    for market in MARKETS:
        assert desk.waiting().any()
        desk.offer(candle(market.symbol, MINUTE_MS))
    assert not desk.waiting().any()
    minute = desk.release()
    assert minute.bars.tolist() == [[1000, 1100, 900, 1000, 2500]] * 2
    assert minute.not_ready is not None
    assert not minute.not_ready.any()
    assert desk.head_ms == 2 * MINUTE_MS


def test_an_absent_bar_rides_on_the_next_minute_as_a_late_bar() -> None:
    desk = barrier(MINUTE_MS)
    desk.offer(candle("BTCUSDT", MINUTE_MS))
    first = desk.release()
    assert first.present.tolist() == [True, False]
    assert first.not_ready is not None
    assert first.not_ready.tolist() == [False, True]
    desk.offer(candle("ETHUSDT", MINUTE_MS, close=101.0))
    for market in MARKETS:
        desk.offer(candle(market.symbol, 2 * MINUTE_MS))
    second = desk.release()
    assert [(late.market, late.open_ms, int(late.bar[3])) for late in second.late_bars] == [(1, MINUTE_MS, 1010)]
    assert second.present.all()
    assert second.not_ready is not None
    assert second.not_ready.tolist() == [False, True]
    assert not desk.release().late_bars


def test_a_funding_minute_waits_for_its_rates() -> None:
    desk = barrier(FUNDING_MS)
    for market in MARKETS:
        desk.offer(candle(market.symbol, FUNDING_MS))
    assert desk.waiting().tolist() == [True, True]
    assert desk.owed_funding(FUNDING_MS) == {"BTCUSDT": FUNDING_MS, "ETHUSDT": FUNDING_MS}
    desk.fund("BTCUSDT", FUNDING_MS, 10_000)
    desk.fund("ETHUSDT", FUNDING_MS, -5_000)
    assert not desk.waiting().any()
    assert desk.release().funding_e8.tolist() == [10_000, -5_000]


def test_a_late_rate_rides_on_the_next_bar_once() -> None:
    desk = barrier(FUNDING_MS)
    for market in MARKETS:
        desk.offer(candle(market.symbol, FUNDING_MS))
    desk.fund("BTCUSDT", FUNDING_MS, 7)
    assert desk.release().funding_e8.tolist() == [7, NO_RATE]
    assert desk.owed_funding(FUNDING_MS) == {"ETHUSDT": FUNDING_MS}
    for _ in range(2):
        desk.fund("ETHUSDT", FUNDING_MS, 9)
    assert desk.release().funding_e8.tolist() == [NO_RATE, NO_RATE], "no bar, no settlement"
    for market in MARKETS:
        desk.offer(candle(market.symbol, FUNDING_MS + 2 * MINUTE_MS))
    assert desk.release().funding_e8.tolist() == [NO_RATE, 9]
    assert desk.owed_funding(FUNDING_MS + HOUR_MS) == {}


def test_the_rate_of_an_absent_bar_comes_with_it() -> None:
    desk = barrier(FUNDING_MS)
    desk.offer(candle("BTCUSDT", FUNDING_MS))
    desk.fund("BTCUSDT", FUNDING_MS, 7)
    desk.fund("ETHUSDT", FUNDING_MS, 9)
    assert desk.release().funding_e8.tolist() == [7, NO_RATE]
    desk.offer(candle("ETHUSDT", FUNDING_MS))
    assert [late.funding_e8 for late in desk.release().late_bars] == [9]


def test_rates_off_the_schedule_are_refused() -> None:
    desk = barrier(FUNDING_MS)
    desk.fund("BTCUSDT", FUNDING_MS + HOUR_MS, 7)
    assert desk.unfunded(FUNDING_MS).tolist() == [True, True]


def may_leave(policy: ReleasePolicy, desk: CandleBuffer, *, now_ms: int, now_s: float) -> bool:
    return policy.may_leave(desk, now_ms=now_ms, now_s=now_s, speed=1.0, known_ms=now_ms)


def test_a_live_minute_waits_for_the_deadline_and_no_longer() -> None:
    desk, policy = candle_buffer(MINUTE_MS), ReleasePolicy(deadline_s=20)
    assert not may_leave(policy, desk, now_ms=2 * MINUTE_MS, now_s=0)
    desk.take(candle("BTCUSDT", MINUTE_MS))
    assert not may_leave(policy, desk, now_ms=2 * MINUTE_MS, now_s=1)
    assert not may_leave(policy, desk, now_ms=2 * MINUTE_MS, now_s=20.9)
    assert may_leave(policy, desk, now_ms=2 * MINUTE_MS, now_s=21)


def test_no_minute_leaves_while_nothing_at_all_comes() -> None:
    desk, policy = candle_buffer(MINUTE_MS), ReleasePolicy(deadline_s=20)
    assert not any(may_leave(policy, desk, now_ms=2 * MINUTE_MS, now_s=second) for second in range(0, 10_000, 100))


def test_a_market_that_owes_an_earlier_minute_is_not_waited_for_again() -> None:
    desk, policy = candle_buffer(MINUTE_MS), ReleasePolicy(deadline_s=20)
    desk.take(candle("BTCUSDT", MINUTE_MS))
    may_leave(policy, desk, now_ms=2 * MINUTE_MS, now_s=0)
    assert may_leave(policy, desk, now_ms=2 * MINUTE_MS, now_s=20)
    desk.barrier.release()
    assert not may_leave(policy, desk, now_ms=2 * MINUTE_MS, now_s=20)
    desk.take(candle("BTCUSDT", 2 * MINUTE_MS))
    assert may_leave(policy, desk, now_ms=3 * MINUTE_MS, now_s=21)


def test_a_minute_of_the_past_waits_until_the_exchange_answered_for_every_market() -> None:
    desk, policy = candle_buffer(MINUTE_MS), ReleasePolicy(deadline_s=20)
    desk.take(candle("BTCUSDT", MINUTE_MS))
    assert not may_leave(policy, desk, now_ms=HOUR_MS, now_s=0)
    assert not may_leave(policy, desk, now_ms=HOUR_MS, now_s=10_000)
    desk.answer(desk.symbols[1], 2 * MINUTE_MS)
    assert may_leave(policy, desk, now_ms=HOUR_MS, now_s=10_001)


def test_bars_are_whole_ticks_of_the_exchange_prices() -> None:
    desk = barrier(MINUTE_MS)
    desk.offer(candle("BTCUSDT", MINUTE_MS, close=99.9))
    assert np.array_equal(desk.release().bars[0], [1000, 1100, 900, 999, 2500])
