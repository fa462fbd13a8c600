"""A feed process in front of an exchange, and daemons' feeds that read it: the same minutes, whoever is away."""

from __future__ import annotations

import asyncio
import json
import socket
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.clock import PacedClock, SystemClock, steady_ms, wall_ms
from bot.feed import line_session
from bot.feed.connection import Connection
from bot.feed.failures import GeoBlocked, NoSuchMarket, Throttled
from bot.feed.line import FeedLine
from bot.feed.line_messages import failure_message, failure_of
from bot.feed.line_server import LineServer
from bot.feed.source import FeedSource
from storage.config.market import ExchangeSettings, FeedSettings
from strategies.errors import AlreadyRunning, BadInput, ExchangeFailed
from strategies.market import MINUTE_MS
from strategies.minute import AccountMinute
from tests.bot.feed.stage import IMPATIENT, START_MS, Stage, settled_bars, stage

EXCHANGE = ExchangeSettings(name="builtin")
SYMBOLS = ("BTCUSDT", "ETHUSDT")


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"unix:{tmp_path / 'feed.sock'}"


@asynccontextmanager
async def feed_process(here: Stage, address: str) -> AsyncIterator[LineServer]:
    """Serve a stage's exchange as `sigma feed` does."""
    clock = PacedClock(here.server.clock.now_ms())
    url = here.server.url
    async with Connection(EXCHANGE, IMPATIENT, clock, url=url, on_time=clock.advance, shared=True) as connection:
        server = LineServer(connection, clock, address, exchange="builtin", kind="futures")
        await server.start()
        connection.run_beside()
        beating = asyncio.create_task(server.run())
        try:
            yield server
        finally:
            beating.cancel()
            await server.stop()


def reader(here: Stage, address: str) -> FeedSource:
    """Return a daemon's feed at the address."""
    clock = PacedClock(here.server.clock.now_ms())
    settings = IMPATIENT.model_copy(update={"source": address})
    return FeedSource(Connection(EXCHANGE, settings, clock, on_time=clock.advance))


async def follow(source: FeedSource, after_ms: int, count: int, kept: list[AccountMinute]) -> None:
    """Read `count` minutes, acknowledging each."""
    async with aclosing(source.minutes(after_ms)) as stream:
        async for minute in stream:
            kept.append(minute)
            await source.processed(minute.open_ms)
            if len(kept) == count:
                return


async def until(holds: Callable[[], object]) -> None:
    """Let everything else go on until something holds."""
    while not holds():  # noqa: ASYNC110
        await asyncio.sleep(0.001)


async def test_daemons_get_the_exchanges_minutes_through_one_socket(address: str) -> None:
    after_ms, got = START_MS - MINUTE_MS, list[list[AccountMinute]]([[], []])
    async with (
        stage() as here,
        feed_process(here, address) as server,
        reader(here, address) as first,
        reader(here, address) as second,
    ):
        markets = [await first.markets(SYMBOLS), await second.markets(("SOLUSDT",))]
        await asyncio.gather(
            follow(first, after_ms, 90, got[0]), follow(second, after_ms - 30 * MINUTE_MS, 120, got[1])
        )
        assert server.connection.streams.count == 1
    for listed, minutes in zip(markets, got, strict=True):
        assert np.array_equal(settled_bars(minutes), here.true_bars(listed, minutes[0].open_ms, len(minutes)))
        assert all(minute.present.all() for minute in minutes)


async def test_after_a_restart_of_the_feed_minutes_go_on_where_they_were(address: str) -> None:
    async with stage() as here, reader(here, address) as source:
        got: list[AccountMinute] = []
        async with feed_process(here, address):
            markets = await source.markets(SYMBOLS)
            reading = asyncio.create_task(follow(source, START_MS - MINUTE_MS, 240, got))
            await until(lambda: len(got) >= 60)
        await until(lambda: "feed process" in source.conditions)
        await until(lambda: not any(source.ready.values()))  # no entries while nobody can tell
        async with feed_process(here, address):
            await reading
            await until(lambda: source.conditions == {})  # the first process may have told all minutes already
    assert np.array_equal(settled_bars(got), here.true_bars(markets, START_MS, 240))


async def test_a_daemon_that_dies_holds_up_nobody(address: str) -> None:
    async with stage() as here, feed_process(here, address), reader(here, address) as lasting:
        markets = await lasting.markets(SYMBOLS)
        got: list[AccountMinute] = []
        reading = asyncio.create_task(follow(lasting, START_MS - MINUTE_MS, 300, got))
        async with reader(here, address) as dying:
            await dying.markets(SYMBOLS)
            await follow(dying, START_MS - MINUTE_MS, 30, [])
        await reading
    assert np.array_equal(settled_bars(got), here.true_bars(markets, START_MS, 300))


async def test_whoever_needs_another_exchange_is_refused_in_one_line(address: str) -> None:
    async with stage() as here, feed_process(here, address):
        elsewhere = ExchangeSettings(name="bybit")
        async with Connection(elsewhere, FeedSettings(source=address), SystemClock()) as connection:
            with pytest.raises(BadInput, match=r"serves builtin futures.*needs bybit futures"):
                await connection.rest.ask("fetch_time")


async def test_without_a_feed_process_the_line_says_what_starts_it(address: str) -> None:
    async with Connection(EXCHANGE, FeedSettings(source=address), PacedClock()) as connection:
        with pytest.raises(ExchangeFailed, match=r"cannot be reached.*sigma feed"):
            await connection.rest.ask("load_markets")


async def test_only_public_questions_pass(address: str) -> None:
    async with stage() as here, feed_process(here, address):
        reader_, writer = await asyncio.open_unix_connection(address.removeprefix("unix:"))
        hello = {"protocol": 1, "exchange": "builtin", "market": "futures"}
        for message in ({"hello": hello}, {"ask": 1, "method": "create_order", "args": ["BTC"], "params": {}}):
            writer.write(json.dumps(message).encode() + b"\n")
        assert "welcome" in json.loads(await reader_.readline())
        answer: dict[str, Any] = {}
        while "answer" not in answer:
            answer = json.loads(await reader_.readline())
        assert "no question of the feed" in answer["failed"]["text"]
        writer.close()


async def test_a_second_feed_process_is_refused_and_a_socket_left_over_is_not(address: str, tmp_path: Path) -> None:
    async with stage() as here:
        async with feed_process(here, address):
            assert stat.S_IMODE((tmp_path / "feed.sock").stat().st_mode) == 0o600
            with pytest.raises(AlreadyRunning, match="already answers"):
                async with feed_process(here, address):
                    pass
        with socket.socket(socket.AF_UNIX) as left_over:
            left_over.bind(str(tmp_path / "feed.sock"))
        assert (tmp_path / "feed.sock").exists()
        async with feed_process(here, address), reader(here, address) as source:
            assert await source.markets(SYMBOLS)


async def test_a_daemon_that_does_not_read_is_hung_up_on(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_session, "MOST_BEHIND", 100_000)
    async with stage() as here, feed_process(here, address) as server:
        reader, writer = await asyncio.open_unix_connection(address.removeprefix("unix:"))
        hello = {"protocol": 1, "exchange": "builtin", "market": "futures"}
        writer.write(json.dumps({"hello": hello}).encode() + b"\n")
        await until(lambda: server._sessions)
        for _ in range(200):
            server._send_all({"beat": "x" * 10_000})
        await until(lambda: not server._sessions)
        assert len(await reader.read(-1)) < 200 * 10_000  # the rest was let go with the connection
        writer.close()


async def test_the_exchanges_stamps_reach_every_daemons_clock(address: str) -> None:
    theirs, ours = SystemClock(), SystemClock()
    async with Connection(ExchangeSettings(name="binanceusdm"), IMPATIENT, theirs, shared=True) as connection:
        server = LineServer(connection, theirs, address, exchange="binanceusdm", kind="futures")
        await server.start()
        line = FeedLine(
            address,
            connection.rest.client,
            exchange="binanceusdm",
            kind="futures",
            clock=ours,
            counters=connection.counters,
        )
        stamp_ms = wall_ms() + 3_600_000  # the exchange is an hour ahead of this machine
        theirs.observe(stamp_ms, until_ms=stamp_ms, asked_ms=steady_ms())
        await line._dialled()  # who comes later is told the latest
        try:
            assert abs(ours.now_ms() - theirs.now_ms()) < 1_000
            assert ours.machine_step_ms() < -3_500_000
        finally:
            await line.close()
            await server.stop()


@pytest.mark.parametrize(
    "error", [ExchangeFailed("a"), GeoBlocked("b"), NoSuchMarket("c"), Throttled("d", 17.0)], ids=lambda e: str(e)
)
def test_a_failure_arrives_as_what_it_was(error: ExchangeFailed) -> None:
    found = failure_of(json.loads(json.dumps(failure_message(error))))
    assert (type(found), str(found)) == (type(error), str(error))
    assert getattr(found, "retry_after_s", None) == getattr(error, "retry_after_s", None)
