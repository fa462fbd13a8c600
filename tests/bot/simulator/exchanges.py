"""Builders for tests: a started exchange, unmodified ccxt clients pointed at it, raw websockets, tiny recordings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import ccxt.async_support
import ccxt.pro
import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from bot.simulator.conductor import Pace
from bot.simulator.faults.faults import fault_of
from bot.simulator.market.generated import GeneratedMarket
from bot.simulator.market.source import MarketSource
from bot.simulator.server import Door, ExchangeServer
from strategies.market import MINUTE_MS

BTC = "BTC/USDT:USDT"
PACED = Pace(speed=None)
Client = TypeVar("Client")


@asynccontextmanager
async def exchange(
    source: MarketSource | None = None,
    pace: Pace = PACED,
    faults: Sequence[str] = (),
    state_folder: Path | None = None,
    reset_clock: bool = False,
    deflate: bool = True,
) -> AsyncIterator[ExchangeServer]:
    """Run an exchange on a free loopback port."""
    server = ExchangeServer(
        source or GeneratedMarket(),
        pace,
        faults=[fault_of(text) for text in faults],
        state_folder=state_folder,
        reset_clock=reset_clock,
        door=Door(deflate=deflate),
    )
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@asynccontextmanager
async def ccxt_client(kind: type[Client], server: ExchangeServer) -> AsyncIterator[Client]:
    """Point an unmodified ccxt client at the exchange by its constructor's options alone."""
    api = {"fapiPublic": f"{server.url}/fapi/v1", "ws": {"linear": server.url.replace("http", "ws") + "/ws"}}
    client: Any = kind({"urls": {"api": api}, "timeout": 5000, "enableRateLimit": False})  # type: ignore[call-arg]
    try:
        yield client
    finally:
        await client.close()


def rest_client(server: ExchangeServer) -> Any:
    return ccxt_client(ccxt.async_support.binanceusdm, server)


def pro_client(server: ExchangeServer) -> Any:
    return ccxt_client(ccxt.pro.binanceusdm, server)


class Listener:
    """A raw websocket client that acknowledges what it is told to."""

    def __init__(self, session: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse, url: str) -> None:
        self.socket, self._session, self._url = socket, session, url

    async def request(self, method: str, params: Sequence[str] = (), identity: int = 1) -> Any:
        """Send a request and return its answer; frames that come between are skipped."""
        await self.socket.send_json({"method": method, "params": list(params), "id": identity})
        while True:
            answer = await self.next()
            if "id" in answer or "error" in answer:
                return answer

    async def next(self, timeout_s: float = 5.0) -> Any:
        """Return the next message."""
        message = await self.socket.receive(timeout_s)
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise ConnectionError(f"{message.type.name} {message.data}")
        return orjson.loads(message.data)

    async def klines(self, count: int) -> list[dict[str, Any]]:
        """Return the next `count` klines, their `k` parts."""
        return [(await self.next())["k"] for _ in range(count)]

    async def is_silent(self, seconds: float = 0.15) -> bool:
        """Whether nothing comes for that long, on an open socket."""
        try:
            await self.next(seconds)
        except TimeoutError:
            return not self.socket.closed
        return False

    async def acknowledge(self, minute_ms: int) -> dict[str, Any]:
        return await self.post("/sigma/v1/processed", {"minute_ms": minute_ms})

    async def post(self, path: str, body: Any) -> Any:
        async with self._session.post(self._url + path, data=orjson.dumps(body)) as response:
            return await response.json()

    async def get(self, path: str) -> Any:
        async with self._session.get(self._url + path) as response:
            return await response.json()


@asynccontextmanager
async def listener(server: ExchangeServer, *streams: str, path: str = "/market/ws/0") -> AsyncIterator[Listener]:
    """Connect by websocket and subscribe."""
    async with aiohttp.ClientSession() as session, session.ws_connect(server.url + path, compress=15) as socket:
        client = Listener(session, socket, server.url)
        if streams:
            assert (await client.request("SUBSCRIBE", streams))["result"] is None
        yield client


def write_candles(path: Path, candles: np.ndarray) -> None:
    """Write (n, 6) candles as the recordings have them."""
    columns: dict[str, Any] = {"timestamp": candles[:, 0].astype(np.int64)}
    columns |= {
        name: candles[:, exchange_info]
        for exchange_info, name in enumerate(("open", "high", "low", "close", "volume"), 1)
    }
    pq.write_table(pa.table(columns), path)


def write_funding(path: Path, times: Sequence[int], rates: Sequence[float]) -> None:
    """Write a funding history."""
    pq.write_table(pa.table({"timestamp": np.array(times, np.int64), "funding_rate": list(rates)}), path)


async def eventually(condition: Any, seconds: float = 60.0) -> None:
    """Wait until `condition()` holds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 — another task or process makes it true
            await asyncio.sleep(0.002)


def minutes_between(first_ms: int, last_ms: int) -> list[int]:
    """Return the opens of the minutes from first to last, both included."""
    return list(range(first_ms, last_ms + 1, MINUTE_MS))
