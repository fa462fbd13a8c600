"""Several accounts on one connection: their own minutes, one subscription a market, one question where several ask."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from bot.clock import PacedClock, ScaledClock
from bot.feed.connection import Connection
from bot.feed.shared_answers import SharedAnswers
from bot.feed.source import FeedSource
from bot.feed.streams import Streams
from storage.config.market import ExchangeSettings
from strategies.market import MINUTE_MS
from tests.bot.feed.stage import IMPATIENT, START_MS, read, settled_bars, stage

FIRST, SECOND = ("BTCUSDT", "ETHUSDT"), ("ETHUSDT", "SOLUSDT")


async def test_two_accounts_get_their_own_minutes_through_one_socket() -> None:
    async with stage() as here:
        clock = PacedClock(here.server.clock.now_ms())
        exchange = ExchangeSettings(name="builtin")
        shared = Connection(exchange, IMPATIENT, clock, url=here.server.url, on_time=clock.advance, shared=True)
        async with shared:
            feeds = [FeedSource(shared, owned=False) for _ in range(2)]
            async with feeds[0], feeds[1]:
                markets = [await feed.markets(names) for feed, names in zip(feeds, (FIRST, SECOND), strict=True)]
                after_ms = (START_MS - MINUTE_MS, START_MS - 31 * MINUTE_MS)  # the second has half an hour to catch up
                minutes = await asyncio.gather(
                    *(read(feed, ms, count) for feed, ms, count in zip(feeds, after_ms, (60, 90), strict=True))
                )
                assert shared.streams.count == 1
    for listed, got, ms in zip(markets, minutes, after_ms, strict=True):
        assert [minute.open_ms for minute in got] == [ms + MINUTE_MS * (n + 1) for n in range(len(got))]
        assert np.array_equal(settled_bars(got), here.true_bars(listed, ms + MINUTE_MS, len(got)))


async def test_a_market_that_nobody_hears_any_more_is_left_out() -> None:
    async with stage() as here:
        clock = PacedClock(here.server.clock.now_ms())
        exchange = ExchangeSettings(name="builtin")
        async with Connection(exchange, IMPATIENT, clock, url=here.server.url, shared=True) as shared:
            first, second = _Ears(), _Ears()
            source = FeedSource(shared, owned=False)
            await source.markets(FIRST)
            names = [shared.rest.names[symbol] for symbol in FIRST]
            shared.streams.join(first, names)
            shared.streams.join(second, names[:1])
            shared.streams.leave(first, names[0])
            shared.streams.leave(first, names[1])
            assert isinstance(shared.streams, Streams)
            assert {name: shared.streams._audience.of(name) for name in names} == {names[0]: (second,), names[1]: ()}


async def test_what_several_ask_at_once_is_asked_once() -> None:
    asked: list[str] = []

    async def ask() -> str:
        asked.append("candles")
        await asyncio.sleep(0)
        return "rows"

    answers = SharedAnswers(ScaledClock(START_MS, 1.0))
    got = await asyncio.gather(*(answers.get("fetch_ohlcv", ("BTC", 1), {}, ask) for _ in range(5)))
    assert (got, asked) == (["rows"] * 5, ["candles"])
    await answers.get("fetch_ohlcv", ("ETH", 1), {}, ask)
    assert len(asked) == 2


async def test_a_refusal_is_everybodys_and_the_one_who_asked_first_may_go() -> None:
    started = asyncio.Event()

    async def refuse() -> None:
        started.set()
        await asyncio.sleep(0)
        raise ValueError("no")

    answers = SharedAnswers(ScaledClock(START_MS, 1.0))
    first = asyncio.create_task(answers.get("fetch_ohlcv", ("BTC",), {}, refuse))
    second = asyncio.create_task(answers.get("fetch_ohlcv", ("BTC",), {}, refuse))
    await started.wait()
    first.cancel()
    with pytest.raises(ValueError, match="no"):
        await second


class _Ears:
    def on_frame(self, frame: object) -> bool:
        return True

    def on_row(self, name: str, row: object) -> None: ...

    def on_lost(self, names: object) -> None: ...
