"""`GET /api/stream`: the websocket of the stream. `?after=ID` goes on where a reader was.

`?every=MS` coalesces: instead of every minute's status, candles and decisions comes at most one `pulse` in so many
milliseconds, compressed: the status without its markets, but for those held and `?watch=SYMBOL`. It costs the same
however fast the market runs, and however many markets there are.

A reader that does not keep up is closed with 4008 and can come back with its last id; silence is broken by a
heartbeat, so that a page can tell a dead connection from a quiet market.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Final

from aiohttp import WSCloseCode, WSMsgType, web
from orjson import Fragment

from bot.views.status import status_of
from bot.web.app_keys import CONTROL, HUB, SESSIONS
from bot.web.problems import problem
from bot.web.stream import MAX_SUBSCRIBERS, Hub, Subscription, encode
from strategies.errors import BadInput
from strategies.market import typed_symbol

HEARTBEAT_S: Final = 15.0
GOODBYE_S: Final = 2.0
MAX_MESSAGE_BYTES: Final = 1_024  # readers have nothing to say
TOO_SLOW: Final = 4008
PULSE_AT_LEAST_S: Final = 5.0  # whether candles still come is told even when none does
COALESCED: Final = frozenset({"status", "candles", "decision", "fill", "position"})

routes = web.RouteTableDef()


@routes.get("/api/stream")
async def stream(request: web.Request) -> web.StreamResponse:
    """Events as they happen, each with a rising id."""
    hub = request.app[HUB]
    after = _after(request.query.get("after"))
    every_s = _pace(request.query.get("every"))
    watch = frozenset(map(typed_symbol, request.query.get("watch", "").split(",")))
    socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=MAX_MESSAGE_BYTES, compress=every_s is not None)
    if not socket.can_prepare(request):
        return problem(426, "upgrade required", "this address speaks websocket", headers={"Upgrade": "websocket"})
    is_known = request.app[SESSIONS].caller(request).is_known
    if not hub.has_room(is_known=is_known):
        return problem(503, "not now", f"{MAX_SUBSCRIBERS} readers are connected; that is all there may be")
    await socket.prepare(request)
    unwanted = COALESCED if every_s is not None else frozenset()
    subscription = hub.subscribe(after, unwanted, is_known=is_known)
    try:
        if every_s is None:
            await _serve(request, socket, subscription, _send(request, socket, subscription))
        else:
            await _serve(request, socket, subscription, _send_pulses(request, socket, subscription, every_s, watch))
    finally:
        hub.leave(subscription)
    return socket


def _after(text: str | None) -> int | None:
    if text is None or (text.isdecimal() and len(text) <= 18):
        return None if text is None else int(text)
    raise BadInput(f"after is {text[:40]!r}; the id of an event is needed")


async def _serve(
    request: web.Request,
    socket: web.WebSocketResponse,
    subscription: Subscription,
    sending: Coroutine[None, None, None],
) -> None:
    """Send until the reader leaves, is too slow, or the daemon stops."""
    tasks = [
        asyncio.create_task(sending, name="stream-send"),
        asyncio.create_task(_listen(socket), name="stream-listen"),
        asyncio.create_task(subscription.ended.wait(), name="stream-ended"),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if subscription.ended.is_set():
        await _say_goodbye(request, socket, subscription.why)


async def _send(request: web.Request, socket: web.WebSocketResponse, subscription: Subscription) -> None:
    control = request.app[CONTROL]
    while True:
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                message = await subscription.queue.get()
        except TimeoutError:
            message = encode({"type": "heartbeat", "ms": control.clock.now_ms()})
        await socket.send_frame(message, WSMsgType.TEXT)


async def _send_pulses(
    request: web.Request,
    socket: web.WebSocketResponse,
    subscription: Subscription,
    every_s: float,
    watch: frozenset[str],
) -> None:
    """Send what happened since the last pulse, and how things stand where that has changed."""
    control, hub = request.app[CONTROL], request.app[HUB]
    told_ms, silent_s = -2, 0.0
    while True:
        last_id = hub.last_id
        while not subscription.queue.empty():
            await socket.send_frame(subscription.queue.get_nowait(), WSMsgType.TEXT)
        minute_ms = -1 if control.snapshot is None else control.snapshot.minute_ms
        silent_s += every_s
        if minute_ms != told_ms or silent_s >= PULSE_AT_LEAST_S:
            told_ms, silent_s = minute_ms, 0.0
            status = Fragment(status_of(control, watch).model_dump_json())
            pulse = {"id": last_id, "type": "pulse", "ms": control.clock.now_ms(), "payload": status}
            await socket.send_frame(encode(pulse), WSMsgType.TEXT)
        await asyncio.sleep(every_s)


def _pace(text: str | None) -> float | None:
    if text is None:
        return None
    if text.isdecimal() and 250 <= int(text) <= 60_000:
        return int(text) / 1000
    raise BadInput(f"every is {text[:40]!r}; milliseconds from 250 to 60,000 are needed")


async def _listen(socket: web.WebSocketResponse) -> None:
    """Return when the reader has gone; what it says is not read."""
    async for _ in socket:
        pass


async def _say_goodbye(request: web.Request, socket: web.WebSocketResponse, why: str) -> None:
    code = TOO_SLOW if why.startswith("too slow") else WSCloseCode.GOING_AWAY
    with contextlib.suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(GOODBYE_S):
            await socket.close(code=code, message=why.encode(), drain=False)
    if request.transport is not None:
        request.transport.abort()


async def end_streams(app: web.Application) -> None:
    """Send every reader away; they come back to the next daemon."""
    hub: Hub = app[HUB]
    hub.end("the daemon stops")
