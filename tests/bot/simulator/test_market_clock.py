"""Pacing, holding and keeping the market clock."""

from __future__ import annotations

import asyncio
from pathlib import Path

import orjson
import pytest

from bot.simulator.conductor import Pace
from bot.simulator.market.generated import DEMO_START_MS, GeneratedMarket
from bot.simulator.market.replay import ReplayMarket
from strategies.errors import BadInput, StorageFailed
from strategies.market import MINUTE_MS
from tests.bot.simulator.exchanges import PACED, eventually, exchange, listener, minutes_between, write_candles
from tests.bot.simulator.test_replay_market import START_MS, recorded_minutes

STREAM = "btcusdt@kline_1m"


def stored_clock(folder: Path) -> Path:
    """Return the one clock file in the folder."""
    (path,) = folder.glob("clock-*.json")
    return path


async def test_paced_market_runs_its_lead_and_then_waits_to_be_told() -> None:
    async with exchange(pace=Pace(speed=None, lead_ms=5 * MINUTE_MS)) as server, listener(server, STREAM) as client:
        opens = [kline["t"] for kline in await client.klines(5)]
        assert await client.is_silent()
        assert server.clock.now_ms() == DEMO_START_MS + 5 * MINUTE_MS
        told = await client.acknowledge(opens[1])
        assert told["processed_ms"] == opens[1]
        opens += [kline["t"] for kline in await client.klines(2)]
        assert await client.is_silent()
    assert opens == minutes_between(DEMO_START_MS, DEMO_START_MS + 6 * MINUTE_MS)


async def test_scaled_market_waits_for_a_client_that_says_how_far_it_is() -> None:
    pace = Pace(speed=6_000.0, lead_ms=30 * MINUTE_MS)
    async with exchange(pace=pace) as server, listener(server, STREAM) as client:
        opens = [kline["t"] for kline in await client.klines(5)]
        await client.acknowledge(opens[4])
        ahead_ms = 6_000_000  # a wall second of this market, more than its lead
        count = ahead_ms // MINUTE_MS
        opens += [kline["t"] for kline in await client.klines(count)]
        assert await client.is_silent()
        assert server.clock.now_ms() <= opens[4] + 2 * MINUTE_MS + ahead_ms
        await client.acknowledge(opens[-1])
        await client.klines(3)


async def test_scaled_market_does_not_wait_for_a_client_that_died() -> None:
    async with exchange(pace=Pace(speed=6_000.0)) as server:
        async with listener(server, STREAM) as client:
            opens = [kline["t"] for kline in await client.klines(5)]
            await client.acknowledge(opens[4])
        await eventually(lambda: server.clock.now_ms() > opens[4] + 6_000_000 + 60 * MINUTE_MS)
        async with listener(server, STREAM) as client:
            [back] = await client.klines(1)
            await client.acknowledge(back["t"] - 120 * MINUTE_MS)  # what it missed is still before it
            [following] = await client.klines(1)
            assert following["t"] > back["t"] > opens[4]


async def test_paced_market_waits_while_nobody_listens() -> None:
    async with exchange() as server:
        async with listener(server) as client:
            assert await client.is_silent()
            assert server.clock.now_ms() == DEMO_START_MS
            await client.request("SUBSCRIBE", [STREAM])
            await client.klines(3)
        await eventually(lambda: not server.hub.sessions)
        stood = server.clock.now_ms()
        await asyncio.sleep(0.05)
        assert server.clock.now_ms() == stood


async def test_older_acknowledgements_change_nothing_and_future_ones_are_refused() -> None:
    async with exchange() as server, listener(server, STREAM) as client:
        opens = [kline["t"] for kline in await client.klines(30)]
        await client.acknowledge(opens[9])
        assert (await client.acknowledge(opens[3]))["processed_ms"] == opens[9]
        assert "cannot have been processed" in (await client.acknowledge(opens[29] + 60 * MINUTE_MS))["error"]
        assert "is needed" in (await client.post("/sigma/v1/processed", {"minute_ms": 1.5}))["error"]
        assert "is needed" in (await client.post("/sigma/v1/processed", [1]))["error"]


async def test_scaled_market_runs_without_listeners_unless_it_is_to_hold() -> None:
    async with exchange(pace=Pace(speed=6_000.0)) as running:
        await eventually(lambda: running.clock.now_ms() > DEMO_START_MS + 3 * MINUTE_MS)
    async with exchange(pace=Pace(speed=6_000.0, hold=True)) as held:
        await asyncio.sleep(0.05)
        assert held.clock.now_ms() == DEMO_START_MS
        async with listener(held, STREAM) as client:
            await client.klines(2)
        await eventually(lambda: not held.hub.sessions)
        await asyncio.sleep(0.03)
        stood = held.clock.now_ms()
        await asyncio.sleep(0.05)
        assert held.clock.now_ms() == stood > DEMO_START_MS


async def test_very_fast_market_loses_no_minute() -> None:
    async with exchange(pace=Pace(speed=200_000.0, hold=True)) as server, listener(server, STREAM) as client:
        opens = [kline["t"] for kline in await client.klines(2_000)]
    assert opens == minutes_between(DEMO_START_MS, DEMO_START_MS + 1_999 * MINUTE_MS)


async def test_clock_stops_with_the_program_and_goes_on_where_it_stood(tmp_path: Path) -> None:
    async with exchange(state_folder=tmp_path) as server, listener(server, STREAM) as client:
        await client.klines(30)
    async with exchange(state_folder=tmp_path) as server:
        assert server.clock.now_ms() == DEMO_START_MS + 30 * MINUTE_MS
        async with listener(server, STREAM) as client:
            assert (await client.klines(1))[0]["t"] == DEMO_START_MS + 30 * MINUTE_MS
    async with exchange(state_folder=tmp_path, reset_clock=True) as server:
        assert server.clock.now_ms() == DEMO_START_MS


@pytest.mark.parametrize("pace", [PACED, Pace(speed=3_000.0)], ids=["paced", "scaled"])
async def test_after_a_kill_the_clock_never_lies_behind_what_was_shown(tmp_path: Path, pace: Pace) -> None:
    async with exchange(state_folder=tmp_path, pace=pace) as server, listener(server, STREAM) as client:
        for kline in await client.klines(20):
            stored_ms = orjson.loads(stored_clock(tmp_path).read_bytes())["now_ms"]  # what a kill would leave
            assert kline["T"] < stored_ms
            assert stored_ms <= kline["T"] + 1 + 62 * MINUTE_MS + pace.lead_ms


@pytest.mark.parametrize("pace", [PACED, Pace(speed=3_000.0, hold=True)], ids=["paced", "scaled"])
async def test_a_clock_that_cannot_be_stored_holds_the_market_until_it_can(tmp_path: Path, pace: Pace) -> None:
    async with exchange(state_folder=tmp_path, pace=pace) as server, listener(server, STREAM) as client:
        [first] = await client.klines(1)
        in_its_way = stored_clock(tmp_path).with_suffix(".partial")
        in_its_way.mkdir()
        reserved_ms = orjson.loads(stored_clock(tmp_path).read_bytes())["now_ms"]
        count = (reserved_ms - first["T"] - 1) // MINUTE_MS - 1
        opens = [first["t"], *(kline["t"] for kline in await client.klines(count))]
        await client.acknowledge(opens[-1])
        assert await client.is_silent()
        assert server.clock.now_ms() < reserved_ms
        in_its_way.rmdir()
        opens += [kline["t"] for kline in await client.klines(3)]
        in_its_way.mkdir()
    assert opens == minutes_between(DEMO_START_MS, opens[-1])
    async with exchange(state_folder=tmp_path) as server:
        assert server.clock.now_ms() > opens[-1], "what was written ahead stays where the end cannot be written"


async def test_another_market_has_another_clock(tmp_path: Path) -> None:
    async with exchange(GeneratedMarket(seed=1), state_folder=tmp_path) as server, listener(server, STREAM) as client:
        await client.klines(3)
    async with exchange(GeneratedMarket(seed=2), state_folder=tmp_path) as server:
        assert server.clock.now_ms() == DEMO_START_MS
    async with exchange(GeneratedMarket(seed=1), state_folder=tmp_path) as server:
        assert server.clock.now_ms() > DEMO_START_MS  # and neither forgets its own


async def test_damaged_clock_is_named_and_can_be_reset(tmp_path: Path) -> None:
    async with exchange(state_folder=tmp_path):
        pass
    stored_clock(tmp_path).write_text('{"market":')
    with pytest.raises(StorageFailed, match=r"clock-\w+\.json holds no market clock"):
        async with exchange(state_folder=tmp_path):
            pass
    async with exchange(state_folder=tmp_path, reset_clock=True) as server:
        assert server.clock.now_ms() == DEMO_START_MS


async def test_replay_ends_and_goes_on_answering(tmp_path: Path) -> None:
    write_candles(tmp_path / "BTCUSDT_1m_futures.parquet", recorded_minutes(START_MS, 12))
    async with exchange(ReplayMarket(tmp_path, ["BTCUSDT"])) as server, listener(server, STREAM) as client:
        opens = [kline["t"] for kline in await client.klines(12)]
        await asyncio.wait_for(server.wait(), 60)
        clock = await client.get("/sigma/v1/clock")
    assert opens == minutes_between(START_MS, START_MS + 11 * MINUTE_MS)
    assert clock["finished"] is True
    assert clock["now_ms"] == clock["end_ms"] == START_MS + 12 * MINUTE_MS


async def test_missing_minutes_of_a_replay_are_not_invented(tmp_path: Path) -> None:
    candles = recorded_minutes(START_MS, 12)
    write_candles(tmp_path / "BTCUSDT_1m_futures.parquet", candles[[0, 1, 5, 6, 11]])
    async with exchange(ReplayMarket(tmp_path, ["BTCUSDT"])) as server, listener(server, STREAM) as client:
        opens = [kline["t"] for kline in await client.klines(5)]
        rest = await client.get("/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=50")
    assert opens == candles[[0, 1, 5, 6, 11], 0].tolist()
    assert [row[0] for row in rest] == opens


async def test_market_and_clock_are_told() -> None:
    async with exchange(GeneratedMarket(seed=9, edge=0.05), Pace(speed=50.0)) as server, listener(server) as client:
        market, clock = await client.get("/sigma/v1/market"), await client.get("/sigma/v1/clock")
    assert (market["kind"], market["seed"], market["name"]) == ("generated", 9, "demo market")
    assert market["edge"].startswith("planted 0.05")
    assert (clock["speed"], clock["mode"], clock["finished"]) == (50.0, "scaled", False)


@pytest.mark.parametrize("wrong", [{"speed": 0.0}, {"speed": 1e9}, {"lead_ms": 10}, {"ticks_per_minute": 1000}])
def test_impossible_paces_are_refused(wrong: dict) -> None:
    with pytest.raises(BadInput, match="is needed"):
        Pace(**wrong)
