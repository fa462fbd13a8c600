"""The websocket: Binance's requests, raw and combined frames, closed flags, the unmodified ccxt.pro client."""

from __future__ import annotations

import asyncio
import itertools

import aiohttp
import numpy as np
import pytest

from bot.simulator.conductor import Pace
from bot.simulator.market.chart import INTERVALS
from bot.simulator.market.generated import DEMO_START_MS, GeneratedMarket
from bot.simulator.market.instruments import some_symbols
from strategies.market import MINUTE_MS
from tests.bot.simulator.exchanges import BTC, exchange, listener, minutes_between, pro_client


def row_of(kline: dict) -> list[float]:
    return [kline["t"], *(float(kline[name]) for name in "ohlcv")]


async def test_every_minute_comes_once_closed_and_as_the_market_has_it() -> None:
    async with exchange() as server, listener(server, "btcusdt@kline_1m") as client:
        klines = await client.klines(30)
        expected = server.source.minutes("BTCUSDT", DEMO_START_MS, DEMO_START_MS + 30 * MINUTE_MS)
    assert all(kline["x"] for kline in klines)
    assert np.array_equal(np.array([row_of(kline) for kline in klines]), expected)


@pytest.mark.parametrize("interval", [interval for interval in INTERVALS if INTERVALS[interval] <= 4 * 3_600_000])
async def test_flag_closes_each_timeframe_on_its_end_only(interval: str) -> None:
    length_ms = INTERVALS[interval]
    count = 2 * length_ms // MINUTE_MS
    pace = Pace(speed=None, lead_ms=count * MINUTE_MS)
    async with exchange(pace=pace) as server, listener(server, f"ethusdt@kline_{interval}") as client:
        klines = await client.klines(count)
    closed = [kline for kline in klines if kline["x"]]
    assert [kline["t"] for kline in closed] == [DEMO_START_MS, DEMO_START_MS + length_ms]
    assert all(kline["T"] == kline["t"] + length_ms - 1 for kline in klines)
    shown = server.source.minutes("ETHUSDT", DEMO_START_MS, DEMO_START_MS + length_ms)
    assert row_of(closed[0])[1:5] == [shown[0, 1], shown[:, 2].max(), shown[:, 3].min(), shown[-1, 4]]


async def test_requests_are_answered_and_obeyed() -> None:
    async with exchange() as server, listener(server) as client:
        assert await client.request("SUBSCRIBE", ["btcusdt@kline_1m"], 7) == {"result": None, "id": 7}
        await client.klines(30)  # the whole lead: the market holds now
        assert (await client.request("LIST_SUBSCRIPTIONS", identity=8))["result"] == ["btcusdt@kline_1m"]
        await client.request("UNSUBSCRIBE", ["btcusdt@kline_1m"], 9)
        assert (await client.request("LIST_SUBSCRIPTIONS", identity=10))["result"] == []
        assert (await client.request("DANCE", identity=11))["error"]["code"] == 2
        await client.socket.send_str("no json")
        assert (await client.next())["error"]["code"] == 3
        assert await client.is_silent()


async def test_combined_streams_wrap_the_raw_frame() -> None:
    async with (
        exchange() as server,
        listener(server, path="/stream?streams=btcusdt@kline_1m/ethusdt@kline_1m") as client,
    ):
        messages = [await client.next() for _ in range(4)]
    assert [message["stream"] for message in messages] == ["btcusdt@kline_1m", "ethusdt@kline_1m"] * 2
    assert all(message["data"]["e"] == "kline" for message in messages)


async def test_streams_may_stand_in_the_path() -> None:
    async with exchange() as server, listener(server, path="/ws/solusdt@kline_1m") as client:
        assert (await client.klines(1))[0]["s"] == "SOLUSDT"


async def test_mark_price_is_streamed() -> None:
    async with exchange() as server, listener(server, "btcusdt@markPrice@1s") as client:
        message = await client.next()
    assert message["e"] == "markPriceUpdate"
    assert float(message["p"]) > 0
    assert message["T"] == DEMO_START_MS + 8 * 3_600_000


async def test_unknown_streams_stay_silent() -> None:
    async with exchange() as server, listener(server, "nopeusdt@kline_1m", "btcusdt@kline_9m", "nonsense") as client:
        assert await client.is_silent()


async def test_compression_is_offered_when_asked_for() -> None:
    async with (
        exchange() as server,
        aiohttp.ClientSession() as session,
        session.ws_connect(server.url + "/ws/0", compress=15) as deflated,
        session.ws_connect(server.url + "/ws/0") as plain,
    ):
        assert deflated.compress
        assert not plain.compress
    async with (
        exchange(deflate=False) as server,
        aiohttp.ClientSession() as session,
        session.ws_connect(server.url + "/ws/0", compress=15) as refused,
    ):
        assert not refused.compress


async def test_slow_market_also_shows_the_forming_candle() -> None:
    pace = Pace(speed=150.0, ticks_per_minute=3, hold=True)
    async with exchange(pace=pace) as server, listener(server, "btcusdt@kline_1m") as client:
        klines = await client.klines(8)
    assert [kline["x"] for kline in klines] == [False, False, False, True] * 2
    assert [kline["t"] for kline in klines] == [DEMO_START_MS] * 4 + [DEMO_START_MS + MINUTE_MS] * 4
    for earlier, later in itertools.pairwise(klines[:4]):
        assert float(earlier["h"]) <= float(later["h"])
        assert float(earlier["v"]) < float(later["v"])


async def test_ccxt_pro_watches_candles() -> None:
    async with exchange(pace=Pace(speed=600.0)) as server, pro_client(server) as client:
        opens: list[int] = []
        async with asyncio.timeout(60):
            while len(opens) < 5:
                opens += [int(row[0]) for row in await client.watch_ohlcv(BTC, "1m") if row[0] not in opens]
    assert opens == minutes_between(opens[0], opens[-1])


async def test_burst_of_many_markets_is_complete() -> None:
    symbols = some_symbols(60)
    source = GeneratedMarket(symbols=symbols)
    streams = [f"{symbol.lower()}@kline_1m" for symbol in symbols]
    async with (
        exchange(source, Pace(speed=None, lead_ms=5 * MINUTE_MS)) as server,
        listener(server, *streams) as client,
    ):
        klines = await client.klines(5 * len(symbols))
    assert len({(kline["s"], kline["t"]) for kline in klines}) == 5 * len(symbols)
    assert [kline["t"] for kline in klines] == sorted(kline["t"] for kline in klines)
