"""A peer that takes a connection and never says a word, before TLS is agreed on: requests and sockets give up on it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.alerts.channel import Unanswered
from bot.alerts.webhook import Webhook
from bot.clock import SystemClock
from bot.feed.connect import client_for
from bot.feed.gate import Gate
from bot.feed.rest import Rest
from bot.feed.sockets import KlineSocket
from storage.config.secret import Secret
from storage.config.services import WebhookSettings
from storage.ledger.outbox import Pending
from strategies.errors import ExchangeFailed

WAIT_S = 20.0  # by far more than any time-out below


@asynccontextmanager
async def silence() -> AsyncIterator[tuple[int, list[int]]]:
    """Yield the port of a server that takes connections and says nothing, and what tells of them."""
    taken: list[int] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.append(1)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], taken
    finally:
        server.close()


@pytest.mark.parametrize("scheme", ["https", "http"])
async def test_a_request_that_nobody_answers_is_given_up(scheme: str) -> None:
    async with silence() as (port, taken):
        client = client_for("builtin", "futures", url=f"{scheme}://127.0.0.1:{port}", timeout_s=0.5)
        rest = Rest(client, exchange="builtin", clock=SystemClock(), counters=Counter(), gate=Gate("builtin"))
        try:
            async with asyncio.timeout(WAIT_S):
                with pytest.raises(ExchangeFailed):
                    await rest.ask("fetch_time")
        finally:
            await client.close()
        assert taken


@pytest.mark.parametrize("scheme", ["https", "http"])
async def test_a_socket_whose_handshake_never_ends_is_dialled_again(scheme: str) -> None:
    async with silence() as (port, taken):
        client = client_for("builtin", "futures", url=f"{scheme}://127.0.0.1:{port}", timeout_s=0.5)
        market = {"id": "BTCUSDT", "symbol": "BTC/USDT:USDT", "base": "BTC", "quote": "USDT", "type": "swap"}
        client.set_markets([{**market, "spot": False}])
        lost = asyncio.Event()
        socket = KlineSocket(
            client,
            ["BTC/USDT:USDT"],
            number=0,
            exchange="builtin",
            stale_after_s=0.5,
            counters=Counter(),
            gate=Gate("builtin"),
            on_lost=lambda _names: lost.set(),
        )
        running = asyncio.create_task(socket.run())
        try:
            async with asyncio.timeout(WAIT_S):
                for _ in range(2):
                    await lost.wait()
                    lost.clear()
            assert not socket.is_open
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await client.close()
        assert len(taken) >= 2


async def test_a_webhook_that_nobody_answers_is_asked_again_later() -> None:
    async with silence() as (port, _taken):
        settings = WebhookSettings(url=f"https://127.0.0.1:{port}/hook", secret=Secret("s" * 16), timeout_s=0.5)
        row = Pending(id=1, key="k", ms=1, event="fills", payload={}, attempts=0)
        async with asyncio.timeout(WAIT_S):
            with pytest.raises(Unanswered):
                await Webhook(settings, {}, lambda: 0).send([row], is_repeat=False, is_silent=False)
