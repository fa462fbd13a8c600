"""Markets that join, change and leave with a minute: its bars are in the new units."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal

import numpy as np

from bot.feed.candle import ClosedCandle
from bot.feed.lobby import fits_grid
from bot.feed.minutes import MinuteBarrier
from strategies.kernel.state import NO_RATE
from strategies.market import HOUR_MS, MINUTE_MS, MarketStatus
from strategies.minute import Command
from tests.builders import market

BTC, LOW = market("BTCUSDT"), market("LOWUSDT", tick="0.001", lot="1")


def barrier(*markets, head_ms: int = 0) -> MinuteBarrier:
    return MinuteBarrier(markets, progress_ms=[head_ms] * len(markets), head_ms=head_ms, counters=Counter())


def candle(symbol: str, open_ms: int, close: float, volume: float = 5.0) -> ClosedCandle:
    return ClosedCandle(symbol=symbol, open_ms=open_ms, values=(close, close, close, close, volume))


def test_a_price_off_the_grid_holds_its_minute_until_the_rules_are_known() -> None:
    desk = barrier(LOW)
    desk.offer(candle("LOWUSDT", 0, 0.03748))
    assert desk.is_held()
    finer = replace(LOW, tick=Decimal("0.00001"))
    desk.lobby.queue(Command(kind="change", spec=finer))
    minute = desk.release()
    assert minute.commands[0].market == 0
    assert float(finer.price(minute.bars[0, 3])) == 0.03748
    assert not desk.is_held()


def test_a_grid_the_exchange_stands_by_is_rounded_to_and_counted() -> None:
    desk = barrier(LOW)
    desk.offer(candle("LOWUSDT", 0, 0.03748))
    desk.accept_grid("LOWUSDT")
    assert not desk.is_held()
    assert desk.release().bars[0, 3] == 37
    assert desk._counters["off_grid"] == 1


def test_a_market_joins_with_its_boundary_and_the_minutes_collected_since() -> None:
    desk = barrier(BTC, head_ms=HOUR_MS - MINUTE_MS)
    desk.lobby.expect("LOWUSDT", HOUR_MS)
    desk.offer(candle("LOWUSDT", HOUR_MS, 1.5))
    desk.offer(candle("BTCUSDT", HOUR_MS - MINUTE_MS, 100.0))
    assert len(desk.release().bars) == 1
    assert desk.is_held()
    desk.lobby.admit(Command(kind="join", spec=LOW, given=np.empty((0, 6))))
    desk.offer(candle("BTCUSDT", HOUR_MS, 101.0))
    assert not desk.is_held()
    minute = desk.release()
    assert [(part.kind, part.market) for part in minute.commands] == [("join", 1)]
    assert minute.present.tolist() == [True, True]
    assert minute.bars[1, 3] == 1_500


def test_nobody_waits_for_a_market_that_is_halted_or_gone() -> None:
    desk = barrier(BTC, LOW)
    for status in (MarketStatus.HALTED, MarketStatus.GONE):
        desk.sync([BTC, replace(LOW, status=status)])
        assert desk.waiting().tolist() == [True, False]


def test_funding_off_the_schedule_is_charged_and_none_is_charged_twice() -> None:
    desk = barrier(BTC, head_ms=HOUR_MS)
    desk.fund("BTCUSDT", HOUR_MS, 111)  # the schedule we know says eight hours
    desk.offer(candle("BTCUSDT", HOUR_MS, 100.0))
    assert desk.release().funding_e8[0] == 111
    desk.fund("BTCUSDT", HOUR_MS, 111)
    desk.offer(candle("BTCUSDT", HOUR_MS + MINUTE_MS, 100.0))
    assert desk.release().funding_e8[0] == NO_RATE


def test_a_rate_of_before_a_market_joined_is_not_the_account_s() -> None:
    desk = barrier(BTC, head_ms=HOUR_MS)
    desk.fund("BTCUSDT", 0, 111)
    desk.offer(candle("BTCUSDT", HOUR_MS, 100.0))
    assert desk.release().funding_e8[0] == NO_RATE


def test_numbers_that_doubles_cannot_hold_exactly_still_lie_on_the_grid() -> None:
    fine = market("XUSDT", tick="0.0000001", lot="1")
    assert fits_grid(fine, (0.3, 0.1 + 0.2, 0.0000007, 123456.7, 3.0))
    assert not fits_grid(fine, (0.3, 0.3, 0.3, 0.30000005, 1.0))


def test_nothing_is_owed_of_a_market_that_is_not_watched() -> None:
    desk = barrier(BTC, LOW)
    desk.ignore("LOWUSDT")
    desk.offer(candle("BTCUSDT", 0, 100.0))
    desk.fund("BTCUSDT", 0, 1)
    assert not desk.waiting().any()
    assert "LOWUSDT" not in desk.owed_funding(8 * HOUR_MS)


def test_rules_that_change_in_the_minute_a_market_is_asked_to_leave_come_first() -> None:
    desk = barrier(BTC, LOW)
    desk.offer(candle("LOWUSDT", 0, 0.03748))
    finer = replace(LOW, tick=Decimal("0.00001"))
    desk.lobby.queue(Command(kind="leave", spec=LOW, why="by hand"))
    desk.lobby.queue(Command(kind="change", spec=finer))
    desk.lobby.queue(Command(kind="change", spec=finer))
    minute = desk.release()
    assert [(part.kind, part.spec) for part in minute.commands] == [("change", finer), ("leave", finer)]


def test_an_end_stands_above_a_leave_and_nothing_is_done_to_a_market_that_is_gone() -> None:
    desk = barrier(BTC, LOW)
    desk.lobby.queue(Command(kind="leave", spec=LOW, why="by hand"))
    desk.lobby.queue(Command(kind="leave", spec=LOW, why="delisted: it is no longer listed"))
    desk.lobby.queue(Command(kind="leave", spec=LOW, why="by hand"))
    assert [part.why for part in desk.release().commands] == ["delisted: it is no longer listed"]
    desk.sync([BTC, replace(LOW, status=MarketStatus.GONE)])
    desk.lobby.queue(Command(kind="leave", spec=LOW, why="by hand"))
    assert not desk.release().commands
