"""Recording exchange: takes every request and every socket, and remembers what was asked.

For finding out what an exchange's client really does when it is run. Answers JSON with the time under every usual name
and a Date header; sockets stay open and say nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from bot.clock import wall_ms
from bot.simulator.protocol.rest import json_response

LONGEST_KEPT = 100_000


@dataclass(slots=True)
class Heard:
    """What came in.

    Attributes:
        requests: method, path with query, and body of every REST request.
        sockets: path of every websocket.
        messages: of all websockets.
    """

    requests: list[str] = field(default_factory=list)
    sockets: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)


class GenericExchange:
    """Listens on a free port of the loopback."""

    def __init__(self) -> None:
        self.heard = Heard()
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def start(self) -> str:
        """Listen and return the address."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self.url

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._listen(request)
        body = (await request.text())[:LONGEST_KEPT]
        self.heard.requests.append(f"{request.method} {request.path_qs} {body}")
        return json_response(_anything())

    async def _listen(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.heard.sockets.append(request.path_qs)
        async for message in socket:
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                text = message.data if isinstance(message.data, str) else message.data.decode(errors="replace")
                self.heard.messages.append(text[:LONGEST_KEPT])
        return socket


def _anything() -> dict[str, Any]:
    now_ms = wall_ms()
    times = dict.fromkeys(("serverTime", "server_time", "timestamp", "time", "ts", "now", "epoch", "iso"), now_ms)
    times |= {"timeNow": now_ms, "servertime": now_ms, "currentTime": now_ms, "unixtime": now_ms // 1000}
    inner = times | {"success": True, "status": "ok"}
    return {"code": 0, "retCode": 0, "error": [], **inner, "result": inner, "data": inner}
