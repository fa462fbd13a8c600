"""REST through the unmodified ccxt client: markets, candles paged by since and limit, funding, errors, no future."""

from __future__ import annotations

from collections.abc import AsyncIterator

import ccxt.async_support
import numpy as np
import pytest

from bot.simulator.conductor import Pace
from bot.simulator.market.generated import DEMO_START_MS, GeneratedMarket
from bot.simulator.server import Door, ExchangeServer
from strategies.errors import AlreadyRunning
from strategies.market import DAY_MS, HOUR_MS, MINUTE_MS
from tests.bot.simulator.exchanges import BTC, exchange, listener, rest_client


@pytest.fixture
async def server() -> AsyncIterator[ExchangeServer]:
    async with exchange(GeneratedMarket(seed=4)) as running:
        yield running


async def test_markets_have_their_grids(server: ExchangeServer) -> None:
    async with rest_client(server) as client:
        markets = await client.load_markets()
    assert list(markets) == [BTC, "ETH/USDT:USDT", "SOL/USDT:USDT"]
    btc = markets[BTC]
    assert (btc["precision"]["price"], btc["precision"]["amount"], btc["contractSize"]) == (0.1, 0.001, 1)
    assert (btc["limits"]["amount"]["min"], btc["limits"]["cost"]["min"]) == (0.001, 5)
    assert (btc["swap"], btc["linear"], btc["active"]) == (True, True, True)


async def test_time_is_the_market_clock(server: ExchangeServer) -> None:
    async with rest_client(server) as client:
        assert await client.fetch_time() == DEMO_START_MS


async def test_history_pages_join_without_gap_or_overlap(server: ExchangeServer) -> None:
    start_ms, rows = DEMO_START_MS - 100 * DAY_MS, list[list[float]]()
    async with rest_client(server) as client:
        while True:
            page = await client.fetch_ohlcv(BTC, "1h", since=start_ms, limit=1000)
            if not page:
                break
            rows += page
            start_ms = page[-1][0] + HOUR_MS
    expected = server.source.hours("BTCUSDT", DEMO_START_MS - 100 * DAY_MS, DEMO_START_MS)
    assert np.array_equal(np.array(rows), expected)


@pytest.mark.parametrize("timeframe", ["1m", "5m", "15m", "1h", "4h", "1d"])
async def test_rest_never_shows_the_future(server: ExchangeServer, timeframe: str) -> None:
    async with rest_client(server) as client:
        latest = await client.fetch_ohlcv(BTC, timeframe, limit=5)
        ahead = await client.fetch_ohlcv(BTC, timeframe, since=DEMO_START_MS, limit=5)
        bounded = await client.fetch_ohlcv(BTC, timeframe, params={"endTime": DEMO_START_MS + DAY_MS})
    assert len(latest) == 5
    assert ahead == []
    assert max(latest[-1][0], bounded[-1][0]) < DEMO_START_MS


async def test_forming_candle_contains_only_what_has_happened() -> None:
    async with exchange(GeneratedMarket(seed=4)) as server, listener(server, "btcusdt@kline_1m") as client:
        await client.klines(30)  # the whole lead: the market holds now
        now_ms = (await client.get("/sigma/v1/clock"))["now_ms"]
        async with rest_client(server) as rest:
            hour = (await rest.fetch_ohlcv(BTC, "1h", limit=1))[0]
    minutes = server.source.minutes("BTCUSDT", DEMO_START_MS, now_ms)
    assert len(minutes) == 30
    assert hour[0] == DEMO_START_MS
    assert hour[1:5] == [minutes[0, 1], minutes[:, 2].max(), minutes[:, 3].min(), minutes[-1, 4]]
    assert hour[5] == pytest.approx(minutes[:, 5].sum(), abs=1e-9)


async def test_funding_history_and_premium_are_settled_ones(server: ExchangeServer) -> None:
    async with rest_client(server) as client:
        history = await client.fetch_funding_rate_history(BTC, since=DEMO_START_MS - 2 * DAY_MS, limit=1000)
        current = await client.fetch_funding_rate(BTC)
        intervals = await client.fetch_funding_intervals()
    assert [row["timestamp"] for row in history] == [DEMO_START_MS + k * 8 * HOUR_MS for k in range(-6, 1)]
    _, rates = server.source.funding("BTCUSDT", DEMO_START_MS - 2 * DAY_MS, DEMO_START_MS + 1)
    assert [row["fundingRate"] for row in history] == rates.tolist()
    hours = server.source.hours("BTCUSDT", DEMO_START_MS - 2 * DAY_MS, DEMO_START_MS + HOUR_MS)
    assert [float(row["info"]["markPrice"]) for row in history] == hours[::8, 1].tolist()
    assert current["fundingTimestamp"] == DEMO_START_MS + 8 * HOUR_MS
    assert intervals[BTC]["interval"] == "8h"


async def test_wrong_requests_get_binances_errors(server: ExchangeServer) -> None:
    async with rest_client(server) as client:
        await client.load_markets()
        with pytest.raises(ccxt.async_support.BadSymbol, match="-1121"):
            await client.fapiPublicGetKlines({"symbol": "NOPE", "interval": "1m"})
        with pytest.raises(ccxt.async_support.BadRequest, match="-1120"):
            await client.fapiPublicGetKlines({"symbol": "BTCUSDT", "interval": "7m"})
        with pytest.raises(ccxt.async_support.BadRequest, match="-1102"):
            await client.fapiPublicGetKlines({"symbol": "BTCUSDT"})
        with pytest.raises(ccxt.async_support.BadRequest, match="-1130"):
            await client.fapiPublicGetKlines({"symbol": "BTCUSDT", "interval": "1m", "limit": 5000})
        with pytest.raises(ccxt.async_support.BadRequest, match="-1100"):
            await client.fapiPublicGetKlines({"symbol": "BTCUSDT", "interval": "1m", "startTime": "yesterday"})


async def test_taken_port_is_named(server: ExchangeServer) -> None:
    port = int(server.url.rsplit(":", 1)[1])
    with pytest.raises(AlreadyRunning, match=f"port {port} on 127.0.0.1 is taken"):
        await ExchangeServer(GeneratedMarket(), Pace(speed=None), door=Door(port=port)).start()


async def test_minutes_are_the_same_by_rest_and_by_source(server: ExchangeServer) -> None:
    async with rest_client(server) as client:
        rows = await client.fetch_ohlcv("SOL/USDT:USDT", "1m", since=DEMO_START_MS - 1000 * MINUTE_MS, limit=1000)
    assert np.array_equal(
        np.array(rows), server.source.minutes("SOLUSDT", DEMO_START_MS - 1000 * MINUTE_MS, DEMO_START_MS)
    )
    assert rows[-1][0] == DEMO_START_MS - MINUTE_MS
