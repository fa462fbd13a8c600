"""A handshake refused with 429 or 418 bars the way, and no clock that is set back holds a client up."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import ccxt
import pytest
from aiohttp import web
from ccxt.async_support.base.throttler import Throttler

import bot.clock
from bot.feed.connect import client_for
from bot.feed.failures import Throttled, translate
from bot.feed.gate import Gate
from bot.feed.sockets import KlineSocket


@asynccontextmanager
async def refusing(status: int, headers: dict[str, str], dials: list[str]) -> AsyncIterator[str]:
    """Refuse every handshake."""

    async def handle(request: web.Request) -> web.Response:
        dials.append(request.path)
        return web.Response(status=status, headers=headers)

    application = web.Application()
    application.router.add_get("/{path:.*}", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("status", "headers", "least_s", "most_s"),
    [
        (429, {"Retry-After": "900"}, 890, 900),
        (418, {}, 110, 120),
        (429, {}, 0.0, 5.0),
        (503, {"Retry-After": "900"}, 0.0, 0.0),
    ],
)
async def test_a_refused_handshake_bars_the_way_for_as_long_as_it_says(
    tmp_path: Path, status: int, headers: dict[str, str], least_s: float, most_s: float
) -> None:
    dials: list[str] = []
    lost = asyncio.Event()
    async with refusing(status, headers, dials) as url:
        client, gate = client_for("builtin", "futures", url=url), Gate("builtin", tmp_path)
        client.set_markets(
            [
                {
                    "id": "BTCUSDT",
                    "symbol": "BTC/USDT:USDT",
                    "base": "BTC",
                    "quote": "USDT",
                    "type": "swap",
                    "spot": False,
                }
            ]
        )
        socket = KlineSocket(
            client,
            ["BTC/USDT:USDT"],
            number=0,
            exchange="builtin",
            stale_after_s=5,
            counters=Counter(),
            gate=gate,
            on_lost=lambda _symbols: lost.set(),
        )
        running = asyncio.create_task(socket.run())
        try:
            async with asyncio.timeout(60):
                await lost.wait()
            await asyncio.sleep(0)
            assert least_s <= gate.left_s() <= most_s
            assert len(dials) == 1
            if least_s > 60:
                assert Gate("builtin", tmp_path).left_s() > least_s - 5, "whoever starts later waits too"
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await client.close()


async def test_a_machine_clock_that_is_set_back_holds_no_request_and_no_dial_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = client_for("binanceusdm", "futures")
    steady = iter(range(1_000, 10**9, 60_000))
    monkeypatch.setattr(bot.clock, "steady_ms", lambda: next(steady))
    throttler = Throttler({"tokens": -1.0, "refillRate": 0.001, "delay": 0.0})
    async with asyncio.timeout(60):
        await throttler(1)
    url: Any = "wss://anywhere"
    client.ws_dial_backoff = {url: {"attempts": 3, "until": 2**53}}
    assert client.ws_dial_delay(url) == 0
    await client.close()


@pytest.mark.parametrize("step_ms", [-86_400_000, 0, 86_400_000], ids=["-24 h", "right", "+24 h"])
@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Date": "Wed, 01 Jan 2025 00:00:00 GMT", "Retry-After": "Wed, 01 Jan 2025 00:15:00 GMT"}, ""),
        ({"date": "Wed, 01 Jan 2025 00:00:00 GMT"}, "Way too many requests; IP banned until 1735690500000."),
    ],
    ids=["header", "body"],
)
def test_a_ban_that_states_its_end_is_measured_by_the_answers_own_date(
    monkeypatch: pytest.MonkeyPatch, step_ms: int, headers: dict[str, str], body: str
) -> None:
    monkeypatch.setattr("bot.feed.failures.wall_ms", lambda: 1_735_689_600_000 + step_ms)
    failure = translate(ccxt.DDoSProtection("418"), exchange="binanceusdm", status=418, headers=headers, body=body)
    assert isinstance(failure, Throttled)
    assert failure.retry_after_s == 900.0
