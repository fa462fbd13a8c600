"""Funding is charged once, whatever happened to its interval, its time of arrival, or the daemon in between."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from bot.feed.candle import ClosedCandle
from bot.feed.minutes import MinuteBarrier
from storage.ledger.owed_funding import owed_funding
from strategies.kernel.state import NO_RATE
from strategies.market import DAY_MS, HOUR_MS, MINUTE_MS, Market, MarketStatus
from strategies.minute import AccountMinute, Command
from tests.builders import market

BTC, ETH = market("BTCUSDT"), market("ETHUSDT")
SETTLES_MS = 8 * HOUR_MS
DAYS_MS = 10 * DAY_MS  # a funding time of every interval


def barrier(head_ms: int, *, progress_ms: int | None = None, owed_ms: tuple[int, ...] = ()) -> MinuteBarrier:
    """Return the minutes of two markets; what is special is the second's."""
    first = [head_ms, head_ms if progress_ms is None else progress_ms]
    desk = MinuteBarrier((BTC, ETH), progress_ms=first, head_ms=head_ms, counters=Counter())
    desk.owe(((), owed_ms))
    return desk


def minute(desk: MinuteBarrier, *symbols: str) -> AccountMinute:
    """Let the head minute leave with candles of these markets, or of both."""
    for symbol in symbols or ("BTCUSDT", "ETHUSDT"):
        desk.offer(ClosedCandle(symbol=symbol, open_ms=desk.head_ms, values=(100.0, 100.0, 100.0, 100.0, 5.0)))
    return desk.release()


def rates(*minutes: AccountMinute) -> list[int]:
    """Return what the second market was charged, in order."""
    found = [int(part.funding_e8[1]) for part in minutes]
    late = [bar.funding_e8 for part in minutes for bar in part.late_bars if bar.market == 1]
    return [rate for rate in (*late, *found) if rate != NO_RATE]


def changed(desk: MinuteBarrier, spec: Market) -> None:
    desk.lobby.queue(Command(kind="change", spec=spec, by="exchange", why="as the exchange says"))


def test_a_start_asks_for_all_that_settled_while_it_was_down_whatever_the_schedule_is_by_now() -> None:
    desk = barrier(DAYS_MS + HOUR_MS + MINUTE_MS)  # down since 01:00; hourly meanwhile, eight hours again by now
    now_ms = DAYS_MS + 6 * HOUR_MS
    assert desk.owed_funding(now_ms) == dict.fromkeys(("BTCUSDT", "ETHUSDT"), desk.head_ms)
    for hour in range(2, 7):
        desk.fund("ETHUSDT", DAYS_MS + hour * HOUR_MS, hour)
    for symbol in ("BTCUSDT", "ETHUSDT"):
        desk.answer_funding(symbol, now_ms)
    assert desk.owed_funding(now_ms) == {}
    assert rates(*(minute(desk) for _ in range(5 * 60))) == [2, 3, 4, 5, 6]


def test_a_past_minute_on_the_hour_waits_until_the_rates_were_asked_for() -> None:
    desk = barrier(DAYS_MS + HOUR_MS)
    assert desk.unfunded(DAYS_MS + HOUR_MS).tolist() == [True, True]
    assert not desk.unfunded(DAYS_MS + HOUR_MS + MINUTE_MS).any()
    desk.answer_funding("BTCUSDT", DAYS_MS + HOUR_MS)
    assert desk.unfunded(DAYS_MS + HOUR_MS).tolist() == [False, True]


def test_an_interval_that_shortens_unseen_is_asked_for_from_its_last_settlement_on() -> None:
    desk = barrier(DAYS_MS)
    for symbol in ("BTCUSDT", "ETHUSDT"):
        desk.fund(symbol, DAYS_MS, 7)
    before = [minute(desk) for _ in range(3 * 60 + 1)]  # 03:00 has left, at which the exchange has settled already
    changed(desk, replace(ETH, funding_interval_ms=HOUR_MS))
    at_three = minute(desk)
    now_ms = desk.head_ms
    assert desk.owed_funding(now_ms) == {"ETHUSDT": DAYS_MS + MINUTE_MS}
    desk.fund("ETHUSDT", DAYS_MS + 3 * HOUR_MS, 9)
    desk.answer_funding("ETHUSDT", now_ms)
    assert desk.owed_funding(now_ms) == {}
    assert rates(*before, at_three, minute(desk)) == [7, 9]
    assert desk.next_owed_ms() == DAYS_MS + 4 * HOUR_MS


def test_an_interval_that_lengthens_leaves_nothing_owed_for_ever() -> None:
    desk = barrier(DAYS_MS)
    changed(desk, replace(ETH, funding_interval_ms=HOUR_MS))
    minute(desk)
    for _ in range(60):
        minute(desk)  # the hour that never settled
    changed(desk, ETH)
    minute(desk)
    assert desk.owed_funding(desk.head_ms)["ETHUSDT"] == DAYS_MS
    for symbol in ("BTCUSDT", "ETHUSDT"):
        desk.answer_funding(symbol, desk.head_ms + 8 * HOUR_MS)
    desk.head_ms = int(DAYS_MS + 2 * DAY_MS)
    desk.progress_ms[:] = desk.head_ms
    assert desk.owed_funding(desk.head_ms - MINUTE_MS) == {}


def test_a_rate_that_comes_late_after_a_restart_is_charged_once() -> None:
    desk = barrier(DAYS_MS)
    desk.fund("BTCUSDT", DAYS_MS, 5)
    tape = [(minute(desk), (BTC, ETH)) for _ in range(10)]
    owed = owed_funding(tape, 2)
    assert owed == ((), (DAYS_MS,))
    again = barrier(desk.head_ms, owed_ms=owed[1])
    assert again.owed_funding(desk.head_ms) == {"ETHUSDT": DAYS_MS}
    for _ in range(2):
        again.fund("ETHUSDT", DAYS_MS, 9)
        again.fund("BTCUSDT", DAYS_MS, 5)
    taken = [(minute(again), (BTC, ETH)) for _ in range(3)]
    assert rates(*(part for part, _ in taken)) == [9]
    assert int(taken[0][0].funding_e8[0]) == NO_RATE
    assert owed_funding([*tape, *taken], 2) == ((), ())


def test_what_settles_in_a_halt_is_charged_at_its_end_restart_or_not() -> None:
    desk = barrier(DAYS_MS - MINUTE_MS)
    changed(desk, replace(ETH, status=MarketStatus.HALTED))
    halted = (BTC, replace(ETH, status=MarketStatus.HALTED))
    desk.fund("ETHUSDT", DAYS_MS, 9)
    tape = [(minute(desk, "BTCUSDT"), halted) for _ in range(30)]
    after_ms = desk.head_ms
    desk.skip("ETHUSDT", after_ms)
    assert rates(minute(desk)) == [9]

    again = barrier(after_ms, progress_ms=DAYS_MS - MINUTE_MS, owed_ms=owed_funding(tape, 2)[1])
    again.sync(halted)
    assert again.owed_funding(after_ms)["ETHUSDT"] == DAYS_MS - MINUTE_MS  # since its last bar
    again.fund("ETHUSDT", DAYS_MS, 9)
    again.fund("ETHUSDT", DAYS_MS - SETTLES_MS, 4)  # settled before its last bar: charged then
    again.skip("ETHUSDT", after_ms)
    again.fund("ETHUSDT", DAYS_MS, 9)
    assert rates(minute(again), minute(again)) == [9]


def test_a_late_bar_that_brought_its_rate_owes_none() -> None:
    desk = barrier(DAYS_MS)
    for symbol in ("BTCUSDT", "ETHUSDT"):
        desk.fund(symbol, DAYS_MS, 9)
    first = minute(desk, "BTCUSDT")
    desk.offer(ClosedCandle(symbol="ETHUSDT", open_ms=DAYS_MS, values=(100.0, 100.0, 100.0, 100.0, 5.0)))
    second = minute(desk)
    assert rates(first, second) == [9]
    assert owed_funding([(first, (BTC, ETH)), (second, (BTC, ETH))], 2) == ((), ())


def test_a_market_that_is_back_owes_nothing_of_its_former_life() -> None:
    desk = barrier(DAYS_MS)
    desk.fund("BTCUSDT", DAYS_MS, 5)
    minute(desk)
    desk.fund("ETHUSDT", DAYS_MS, 9)  # late, and then it leaves
    gone = replace(ETH, status=MarketStatus.GONE)
    desk.lobby.queue(Command(kind="leave", spec=ETH, why="delisted: no longer listed"))
    minute(desk, "BTCUSDT")
    desk.sync((BTC, gone))
    boundary_ms = desk.head_ms
    desk.lobby.expect("ETHUSDT", boundary_ms)
    desk.lobby.admit(Command(kind="join", spec=ETH, why="listed again"))
    assert rates(minute(desk), minute(desk)) == []
    assert "ETHUSDT" not in desk.owed_funding(boundary_ms)
