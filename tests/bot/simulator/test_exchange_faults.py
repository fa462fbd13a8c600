"""Every fault really happens, is counted, and ends."""

from __future__ import annotations

import ccxt.async_support
import pytest

from bot.simulator.conductor import Pace
from bot.simulator.market.generated import DEMO_START_MS
from strategies.market import MINUTE_MS
from tests.bot.simulator.exchanges import BTC, exchange, listener, minutes_between, rest_client

STREAM = "btcusdt@kline_1m"
T0 = DEMO_START_MS
AT = T0 + 10 * MINUTE_MS  # market time of the tenth close
ALL = minutes_between(T0, T0 + 29 * MINUTE_MS)  # what a lead of 30 minutes shows


async def opens_under(*faults: str, count: int) -> list[int]:
    """Return the opens of the first `count` frames that come through, when nothing more comes."""
    async with exchange(faults=faults) as server, listener(server, STREAM) as client:
        opens = [kline["t"] for kline in await client.klines(count)]
        assert await client.is_silent()
        report = (await client.get("/sigma/v1/faults"))["faults"]
        assert all(fault["produced"] > 0 for fault in report)
    return opens


async def test_dropped_frames_never_come() -> None:
    opens = await opens_under(f"drop:at={AT},count=2", count=28)
    assert opens == [ms for ms in ALL if ms not in (T0 + 9 * MINUTE_MS, T0 + 10 * MINUTE_MS)]


async def test_same_seed_drops_the_same_frames() -> None:
    async with exchange(faults=["drop:p=0.3"]) as server, listener(server, STREAM, "ethusdt@kline_1m") as client:
        await client.request("LIST_SUBSCRIPTIONS")
        first = [fault["produced"] for fault in (await client.get("/sigma/v1/faults"))["faults"]]
    async with exchange(faults=["drop:p=0.3"]) as server, listener(server, STREAM, "ethusdt@kline_1m") as client:
        await client.request("LIST_SUBSCRIPTIONS")
        second = [fault["produced"] for fault in (await client.get("/sigma/v1/faults"))["faults"]]
    assert first == second
    assert 0 < first[0] < 60


async def test_stalled_socket_is_silent_but_open() -> None:
    assert await opens_under(f"stall:at={AT},minutes=5", count=25) == ALL[:9] + ALL[14:]
    async with exchange(faults=["stall"]) as server, listener(server, STREAM) as client:
        assert await client.is_silent()
        assert server.clock.now_ms() == T0 + 30 * MINUTE_MS


async def test_closed_sockets_can_be_opened_again() -> None:
    async with exchange(faults=[f"close:at={AT}"]) as server:
        async with listener(server, STREAM) as client:
            before = [kline["t"] for kline in await client.klines(9)]
            with pytest.raises(ConnectionError, match="CLOSE"):
                await client.next()
        async with listener(server, STREAM) as client:
            after = [kline["t"] for kline in await client.klines(20)]
    assert before + after == ALL[:9] + ALL[10:]  # the tenth was said to nobody


async def test_delayed_frame_comes_later_in_market_time() -> None:
    opens = await opens_under(f"delay:at={AT},count=1,ms=180000", count=30)
    assert opens == ALL[:9] + ALL[10:13] + [ALL[9]] + ALL[13:]


async def test_duplicated_frame_comes_twice() -> None:
    assert await opens_under(f"duplicate:at={AT},count=1", count=31) == sorted([*ALL, ALL[9]])


async def test_reordered_frame_comes_after_the_next() -> None:
    assert await opens_under(f"reorder:at={AT},count=1", count=30) == [*ALL[:9], ALL[10], ALL[9], *ALL[11:]]


async def test_gap_is_untold_but_rest_has_it() -> None:
    async with exchange(faults=[f"gap:at={AT},minutes=3"]) as server, listener(server, STREAM) as client:
        opens = [kline["t"] for kline in await client.klines(27)]
        async with rest_client(server) as rest:
            rows = await rest.fetch_ohlcv(BTC, "1m", since=T0, limit=100)
    assert opens == ALL[:10] + ALL[13:]
    assert [row[0] for row in rows] == ALL


async def test_rest_may_show_a_gap_only_later() -> None:
    fault = f"gap:at={AT},minutes=3,rest_minutes=25"
    async with exchange(faults=[fault]) as server, listener(server, STREAM) as client, rest_client(server) as rest:
        await client.klines(27)
        early = [row[0] for row in await rest.fetch_ohlcv(BTC, "1m", since=T0, limit=100)]
        await client.acknowledge(ALL[9])
        await client.klines(10)
        later = [row[0] for row in await rest.fetch_ohlcv(BTC, "1m", since=T0, limit=100)]
    assert early == ALL[:10] + ALL[13:]
    assert later[:30] == ALL


async def test_gap_hits_the_named_symbols_only() -> None:
    fault = f"gap:at={AT},minutes=3,symbols=ETHUSDT"
    async with exchange(faults=[fault]) as server, listener(server, STREAM, "ethusdt@kline_1m") as client:
        klines = await client.klines(57)
    assert [kline["t"] for kline in klines if kline["s"] == "BTCUSDT"] == ALL
    assert len([kline for kline in klines if kline["s"] == "ETHUSDT"]) == 27


@pytest.mark.parametrize(
    ("form", "symbol", "close"),
    [("nulls", "BTCUSDT", None), ("nan", "BTCUSDT", "NaN"), ("symbol", "WRONGUSDT", "20")],
)
async def test_garbage_frames(form: str, symbol: str, close: str | None) -> None:
    async with exchange(faults=[f"garbage:form={form}"]) as server, listener(server, STREAM) as client:
        kline = (await client.klines(1))[0]
    assert kline["s"] == symbol
    assert kline["c"] == close or (close == "20" and float(kline["c"]) > 0)


async def test_negative_prices_and_html_frames() -> None:
    async with exchange(faults=["garbage:form=negative"]) as server, listener(server, STREAM) as client:
        assert float((await client.klines(1))[0]["c"]) < 0
    async with exchange(faults=["garbage:form=html"]) as server, listener(server, STREAM) as client:
        assert "<html>" in await client.next()


async def test_garbage_answers_have_status_200() -> None:
    async with exchange(faults=["garbage:where=rest,form=html"]) as server, rest_client(server) as client:
        client.set_markets([])
        assert "<html>" in str(await client.fapiPublicGetTime())
    async with exchange(faults=["garbage:where=rest,form=nulls"]) as server, listener(server) as client:
        rows = await client.get("/fapi/v1/klines?symbol=BTCUSDT&interval=1h&limit=2")
    assert [row[1:5] for row in rows] == [[None] * 4] * 2


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("418:retry_after=3", ccxt.async_support.DDoSProtection),
        ("429:retry_after=3", ccxt.async_support.DDoSProtection),
        ("451", ccxt.async_support.ExchangeNotAvailable),
        ("5xx", ccxt.async_support.ExchangeNotAvailable),
        ("500", ccxt.async_support.OperationFailed),
    ],
)
async def test_refusals_reach_ccxt_as_its_own_errors(fault: str, error: type[Exception]) -> None:
    text = fault + (",count=1" if ":" in fault else ":count=1")
    async with exchange(faults=[text]) as server, rest_client(server) as client:
        with pytest.raises(error):
            await client.fetch_time()
        if "retry_after" in fault:
            assert client.last_response_headers["Retry-After"] == "3"
        assert await client.fetch_time() == T0  # once only


async def test_skewed_clock_lies_about_the_time_but_not_the_candles() -> None:
    async with exchange(faults=["skew:ms=-90000"]) as server, rest_client(server) as client:
        assert await client.fetch_time() == T0 - 90_000
        assert (await client.fetch_ohlcv(BTC, "1m", limit=1))[0][0] == T0 - MINUTE_MS


async def test_faults_can_be_set_read_and_ended_while_running() -> None:
    pace = Pace(speed=None, lead_ms=5 * MINUTE_MS)
    async with exchange(pace=pace) as server, listener(server, STREAM) as client:
        opens = [kline["t"] for kline in await client.klines(5)]
        answer = await client.post("/sigma/v1/faults", {"faults": ["stall"]})
        assert [fault["kind"] for fault in answer["faults"]] == ["stall"]
        await client.acknowledge(opens[-1])
        assert await client.is_silent()
        assert (await client.get("/sigma/v1/faults"))["faults"][0]["produced"] == 5
        assert (await client.post("/sigma/v1/faults", {"faults": []})) == {"faults": []}
        await client.acknowledge(T0 + 9 * MINUTE_MS)
        assert (await client.klines(1))[0]["t"] == T0 + 10 * MINUTE_MS


@pytest.mark.parametrize("body", [{"faults": "drop"}, {"faults": ["dropp"]}, [], {"faults": [1]}])
async def test_wrong_faults_are_refused_and_the_old_ones_stay(body: object) -> None:
    async with exchange(faults=["skew:ms=1000"]) as server, listener(server) as client:
        assert "error" in await client.post("/sigma/v1/faults", body)
        assert len((await client.get("/sigma/v1/faults"))["faults"]) == 1
