"""Websocket sessions: who subscribed to what, and sending them frames in order.

Binance's stream protocol: SUBSCRIBE, UNSUBSCRIBE and LIST_SUBSCRIPTIONS; raw frames under `/ws`, combined ones under
`/stream`; stream names in the path or query. Unknown streams are accepted and stay silent, as there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from aiohttp import WSCloseCode, WSMsgType, web

from bot.simulator.protocol.frames import combined_frame

_MOST_STREAMS: Final = 1024  # Binance's bound per connection
_LARGEST_REQUEST: Final = 1 << 20
_SEND_TIMEOUT_S: Final = 20.0
_CLOSE_TIMEOUT_S: Final = 1.0  # how long a closing client may take to say goodbye


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One event of one stream. `open_ms` and `symbol` let faults pick it."""

    stream: str
    text: str
    symbol: str
    open_ms: int
    is_closed: bool


@dataclass(eq=False, slots=True, kw_only=True)
class Session:
    """One websocket client."""

    socket: web.WebSocketResponse
    is_combined: bool
    streams: dict[str, None] = field(default_factory=dict)  # an ordered set

    def printed(self, frame: Frame) -> str:
        """Return the frame as this session gets it."""
        return combined_frame(frame.stream, frame.text) if self.is_combined else frame.text

    async def send(self, frames: Sequence[Frame]) -> None:
        """Send the frames this session subscribed to; a client that stopped reading is cut off."""
        try:
            async with asyncio.timeout(_SEND_TIMEOUT_S):
                for frame in frames:
                    if frame.stream in self.streams:
                        await self.socket.send_str(self.printed(frame))
        except ConnectionError:
            self.streams.clear()
        except TimeoutError:
            self.streams.clear()
            await self.socket.close(code=WSCloseCode.TRY_AGAIN_LATER, message=b"reads too slowly")


class Hub:
    """All sessions of the exchange.

    Args:
        on_change: called when sessions or subscriptions changed.
        deflate: accept permessage-deflate from clients that offer it.
    """

    def __init__(self, on_change: Callable[[], None], *, deflate: bool = True) -> None:
        self.sessions: list[Session] = []
        self._on_change, self._deflate = on_change, deflate

    @property
    def is_listened_to(self) -> bool:
        """Whether any client has subscribed to anything."""
        return any(session.streams for session in self.sessions)

    def streams(self) -> list[str]:
        """Return every stream somebody subscribed to, 1m candles first, then in order of subscription."""
        wanted: dict[str, None] = {}
        for session in self.sessions:
            wanted.update(session.streams)
        return sorted(wanted, key=lambda stream: not stream.endswith("@kline_1m"))

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Hold one client's connection from handshake to close."""
        socket = web.WebSocketResponse(timeout=_CLOSE_TIMEOUT_S, compress=self._deflate, max_msg_size=_LARGEST_REQUEST)
        await socket.prepare(request)
        session = Session(socket=socket, is_combined="/stream" in request.path)
        self._subscribe(session, _streams_of(request))
        self.sessions.append(session)
        self._on_change()
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await socket.send_str(self._answer(session, message.data))
                    self._on_change()
        finally:
            self.sessions.remove(session)
            self._on_change()
        return socket

    async def close(self, code: int = WSCloseCode.GOING_AWAY) -> None:
        """Close every session."""
        for session in list(self.sessions):
            session.streams.clear()
            await session.socket.close(code=code)

    def _answer(self, session: Session, text: str) -> str:
        try:
            request: Any = orjson.loads(text)
            identity, method, params = request.get("id"), request.get("method"), request.get("params") or []
        except (orjson.JSONDecodeError, AttributeError):
            return '{"error":{"code":3,"msg":"Invalid JSON: expected value"}}'
        result = None
        match method:
            case "SUBSCRIBE":
                self._subscribe(session, params)
            case "UNSUBSCRIBE":
                for stream in params:
                    session.streams.pop(stream, None)
            case "LIST_SUBSCRIPTIONS":
                result = list(session.streams)
            case _:
                error = {"code": 2, "msg": f"Invalid request: unknown variant `{method}`"}
                return orjson.dumps({"error": error, "id": identity}).decode()
        return orjson.dumps({"result": result, "id": identity}).decode()

    def _subscribe(self, session: Session, streams: Iterable[object]) -> None:
        for stream in streams:
            if isinstance(stream, str) and len(session.streams) < _MOST_STREAMS:
                session.streams[stream] = None


def _streams_of(request: web.Request) -> list[str]:
    """Return the streams named in the path (`/ws/btcusdt@kline_1m`) or the query (`?streams=a/b`)."""
    named = request.match_info.get("tail", "").split("/") + request.query.get("streams", "").split("/")
    return [name for name in named if "@" in name]
