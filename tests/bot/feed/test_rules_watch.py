"""What the exchange says of an account's markets becomes commands; one odd answer does not."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from bot.clock import ManualClock
from bot.feed.candle_buffer import CandleBuffer
from bot.feed.listing import Listing, by_symbol
from bot.feed.rules_watch import RulesWatch
from strategies.market import DAY_MS, HOUR_MS, MINUTE_MS, Market, MarketStatus
from strategies.minute import Command
from tests.builders import START_MS, market

BTC, DOGE = market("BTCUSDT"), market("DOGEUSDT")


class Said:
    """An exchange that says what it was told to."""

    def __init__(self, *markets: Market) -> None:
        self.listed = {part.symbol: Listing(market=part) for part in markets}

    async def describe(self, symbols: Sequence[str]) -> dict[str, Listing]:
        return {symbol: self.listed[symbol] for symbol in symbols if symbol in self.listed}


def watching(exchange: Said) -> tuple[RulesWatch, CandleBuffer]:
    buffer = CandleBuffer(
        [BTC, DOGE], after_ms=START_MS - MINUTE_MS, settled_ms=None, counters=Counter(), revisions=deque()
    )
    return RulesWatch(buffer, exchange.describe, ManualClock(START_MS)), buffer


def queued(buffer: CandleBuffer) -> list[Command]:
    return list(buffer.barrier.lobby.take(START_MS))


async def test_nothing_is_queued_where_nothing_changed() -> None:
    watch, buffer = watching(Said(BTC, DOGE))
    await watch.check()
    assert queued(buffer) == []


async def test_every_rule_that_changed_is_in_one_command_and_said() -> None:
    new = replace(DOGE, tick=Decimal("0.001"), min_notional_units=700_000_000, funding_interval_ms=HOUR_MS)
    watch, buffer = watching(Said(BTC, new))
    await watch.check()
    await watch.check()
    [command] = queued(buffer)
    assert (command.kind, command.spec, command.by) == ("change", new, "exchange")
    assert command.why == "tick 0.01 -> 0.001, smallest order 0 -> 7, funding every 8 h -> 1 h"


async def test_a_halt_is_a_change_of_status() -> None:
    watch, buffer = watching(Said(BTC, replace(DOGE, status=MarketStatus.HALTED)))
    await watch.check()
    assert [part.why for part in queued(buffer)] == ["trading -> halted"]


async def test_a_market_that_two_answers_lack_is_delisted_and_one_is_a_glitch() -> None:
    exchange = Said(BTC)
    watch, buffer = watching(exchange)
    await watch.check()
    assert queued(buffer) == []
    exchange.listed["DOGEUSDT"] = Listing(market=DOGE)
    await watch.check()
    del exchange.listed["DOGEUSDT"]
    await watch.check()
    assert queued(buffer) == []
    await watch.check()
    [command] = queued(buffer)
    assert command.kind == "leave"
    assert command.why.startswith("delisted")


async def test_a_market_with_candles_is_not_delisted_whatever_the_list_says() -> None:
    watch, buffer = watching(Said(BTC))
    buffer.newer_candle("DOGEUSDT", START_MS + MINUTE_MS)
    for _ in range(3):
        await watch.check()
    assert queued(buffer) == []


async def test_nothing_enters_a_market_that_has_candles_and_is_listed_no_more_until_it_is_again() -> None:
    exchange = Said(BTC)  # renamed, or in another currency, or on a grid that cannot be counted in
    watch, buffer = watching(exchange)
    buffer.newer_candle("DOGEUSDT", START_MS + MINUTE_MS)
    for _ in range(6):
        await watch.check()
    [halt] = buffer.barrier.release().commands
    assert (halt.kind, halt.spec and halt.spec.status) == ("change", MarketStatus.HALTED)
    assert halt.why == "builtin has candles of it, but lists no such futures in whole ticks and lots"
    exchange.listed["DOGEUSDT"] = Listing(market=DOGE)
    await watch.check()
    [back] = buffer.barrier.release().commands
    assert (back.spec, back.why) == (DOGE, "halted -> trading")


async def test_a_market_that_ends_inside_its_halt_leaves() -> None:
    exchange = Said(BTC, replace(DOGE, status=MarketStatus.HALTED))
    watch, buffer = watching(exchange)
    await watch.check()
    buffer.barrier.release()
    del exchange.listed["DOGEUSDT"]
    for _ in range(2):
        await watch.check()
    assert [(part.kind, part.why) for part in buffer.barrier.release().commands] == [
        ("leave", "delisted: builtin no longer lists it")
    ]


async def test_a_halted_market_lacks_nothing() -> None:
    watch, buffer = watching(Said(BTC, replace(DOGE, status=MarketStatus.HALTED)))
    await watch.check()
    buffer.barrier.release()
    for _ in range(3):
        buffer.wake_overdue(START_MS + HOUR_MS)
    assert (buffer.is_whole("BTCUSDT"), buffer.is_whole("DOGEUSDT")) == (False, True)


async def test_an_announced_end_stops_entries_a_day_before() -> None:
    exchange = Said(BTC, DOGE)
    exchange.listed["DOGEUSDT"] = Listing(market=DOGE, delists_ms=START_MS + 3 * DAY_MS)
    watch, buffer = watching(exchange)
    await watch.check()
    assert queued(buffer) == []
    exchange.listed["DOGEUSDT"] = Listing(market=DOGE, delists_ms=START_MS + DAY_MS // 2)
    await watch.check()
    assert [part.kind for part in queued(buffer)] == ["leave"]


async def test_an_end_with_a_settlement_price_is_settled_at_it_and_at_once() -> None:
    exchange = Said(BTC, DOGE)
    exchange.listed["DOGEUSDT"] = Listing(market=replace(DOGE, status=MarketStatus.HALTED), settled_at=0.1234)
    watch, buffer = watching(exchange)
    await watch.check()
    [command] = queued(buffer)
    assert (command.kind, command.settled_at) == ("leave", 12)
    assert command.why == "delisted: builtin settled it at 0.1234"


async def test_rules_that_change_while_a_market_is_asked_to_leave_hold_no_minute() -> None:
    finer = replace(DOGE, tick=Decimal("0.001"))
    watch, buffer = watching(Said(BTC, finer))
    buffer.barrier.lobby.queue(Command(kind="leave", spec=DOGE, by="web", why="asked"))
    buffer.barrier.off_grid.add("DOGEUSDT")
    await watch.check()
    minute = buffer.barrier.release()
    assert [(part.kind, part.spec and part.spec.tick) for part in minute.commands] == [
        ("change", Decimal("0.001")),
        ("leave", Decimal("0.001")),
    ]
    assert not buffer.barrier.is_held()


async def test_a_market_whose_rules_cannot_be_counted_in_goes_on_by_its_old_ones() -> None:
    watch, buffer = watching(Said(BTC))  # the exchange states a tick and a lot whose product is no whole number
    buffer.barrier.off_grid.add("DOGEUSDT")
    await watch.check()
    assert queued(buffer) == []
    assert not buffer.barrier.is_held()


def test_of_two_descriptions_under_one_symbol_the_one_that_trades_holds() -> None:
    old = {"base": "DOGE", "quote": "USDT", "symbol": "DOGE/USDT:USDT-OLD", "active": False, "info": {}}
    new = {"base": "DOGE", "quote": "USDT", "symbol": "DOGE/USDT:USDT", "active": True, "info": {}}
    ended = {**new, "symbol": "ENDED", "info": {"status": "SETTLING"}}
    for order in ([old, new, ended], [ended, new, old], [new, ended, old]):
        assert by_symbol(order)["DOGEUSDT"]["symbol"] == "DOGE/USDT:USDT"
