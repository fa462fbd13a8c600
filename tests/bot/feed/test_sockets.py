"""The subscriptions of bybit and okx as their servers see them, and what a lost socket looks like."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import ccxt
import orjson
import pytest
from aiohttp import WSMsgType, web

from bot.feed.clients import Frame
from bot.feed.connect import client_for

BYBIT_FRAME = {
    "topic": "kline.1.BTCUSDT",
    "type": "snapshot",
    "ts": 1,
    "data": [{"start": 60000, "open": "1", "high": "2", "low": "1", "close": "2", "volume": "3", "confirm": True}],
}
OKX_FRAME = {
    "arg": {"channel": "candle1m", "instId": "BTC-USDT-SWAP"},
    "data": [["60000", "1", "2", "1", "2", "300", "3", "6", "1"]],
}


@asynccontextmanager
async def websocket_server(frame: dict[str, Any], heard: list[tuple[str, Any]]) -> AsyncIterator[str]:
    """Answer every subscription with one frame, and close the socket after the second."""

    async def handle(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                heard.append((request.path_qs, orjson.loads(message.data)))
                await socket.send_str(orjson.dumps(frame).decode())
                break
        await socket.close()
        return socket

    application = web.Application()
    application.router.add_get("/{path:.*}", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("name", "market_id", "frame", "path", "subscription"),
    [
        ("bybit", "BTCUSDT", BYBIT_FRAME, "/v5/public/linear", {"op": "subscribe", "args": ["kline.1.BTCUSDT"]}),
        (
            "okx",
            "BTC-USDT-SWAP",
            OKX_FRAME,
            "/ws/v5/business",
            {"op": "subscribe", "args": [{"channel": "candle1m", "instId": "BTC-USDT-SWAP"}]},
        ),
    ],
)
async def test_the_subscription_brings_closed_frames_and_a_lost_socket_raises(
    name: str, market_id: str, frame: dict[str, Any], path: str, subscription: dict[str, Any]
) -> None:
    heard: list[tuple[str, Any]] = []
    frames: list[Frame] = []
    async with websocket_server(frame, heard) as url:
        client = client_for(name, "futures", url=url)
        client.on_frame = frames.append
        listed = {"id": market_id, "symbol": "BTC/USDT:USDT", "base": "BTC", "quote": "USDT", "settle": "USDT"}
        kind = {"type": "swap", "swap": True, "spot": False, "linear": True, "contract": True, "contractSize": 1}
        client.set_markets([client.safe_market_structure(listed | kind)])
        try:
            for socket in (0, 1):
                _, lost = client.hold(["BTC/USDT:USDT"], "1m", socket)
                with pytest.raises(ccxt.NetworkError):
                    await asyncio.wait_for(lost, 60)
        finally:
            await client.close()
    assert [(one.market_id, one.is_closed) for one in frames] == [(market_id, True)] * 2
    assert [seen for seen, _ in heard] == [path, f"{path}?socket=1"]
    for _, message in heard:
        assert message | subscription == message
