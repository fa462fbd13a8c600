"""Routes that change something: each queues a command and answers when it is in the ledger."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

from bot.control import Control, Done
from bot.web.keys import CONTROL
from bot.web.problems import answer
from strategies.errors import BadInput

routes = web.RouteTableDef()


@routes.post("/api/pause")
async def pause(request: web.Request) -> web.Response:
    """Take no new entries; exits go on."""
    return _done(await _control(request).pause(_by(request)))


@routes.post("/api/resume")
async def resume(request: web.Request) -> web.Response:
    """Take entries again."""
    return _done(await _control(request).resume(_by(request)))


@routes.post("/api/close")
async def close(request: web.Request) -> web.Response:
    """Close `{"symbol": …}`, or everything without a symbol."""
    document = await body(request)
    return _done(await _control(request).close(document.get("symbol"), _by(request)))


@routes.post("/api/stop")
async def stop(request: web.Request) -> web.Response:
    """Kill switch: close everything and take no entries."""
    return _done(await _control(request).stop(_by(request)))


@routes.post("/api/unlock")
async def unlock(request: web.Request) -> web.Response:
    """Lift the protections that only a person may lift."""
    return _done(await _control(request).unlock(_by(request)))


@routes.post("/api/promote")
async def promote(request: web.Request) -> web.Response:
    """Let the bundle `{"bundle": …}` decide from the next minute on."""
    document = await body(request)
    bundle = document.get("bundle")
    if not isinstance(bundle, str) or not bundle:
        raise BadInput(f'found bundle {bundle!r}; the id of a bundle is needed, as in {{"bundle": "b-…"}}')
    return _done(await _control(request).promote(bundle, _by(request)))


@routes.post("/api/rollback")
async def rollback(request: web.Request) -> web.Response:
    """Go back to the bundle before."""
    return _done(await _control(request).rollback(_by(request)))


@routes.post("/api/retrain")
async def retrain(request: web.Request) -> web.Response:
    """Start a retraining now; its progress is in the status."""
    control = _control(request)
    await control.training.start(f"asked for by {_by(request)}")
    return answer(control.training.progress(), status=202)


@routes.post("/api/shutdown")
async def shutdown(request: web.Request) -> web.Response:
    """Stop the daemon in order; positions stay open."""
    _control(request).shut_down()
    return answer({"stopping": True}, status=202)


async def body(request: web.Request) -> dict[str, Any]:
    """Return the JSON object of a request, {} without a body.

    Raises:
        BadInput: it is not a JSON object.
    """
    content = await request.read()
    if not content:
        return {}
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"the body is not JSON ({error}); a JSON object is needed") from error
    if not isinstance(document, dict):
        raise BadInput(f"the body is a {type(document).__name__}; a JSON object is needed")
    return document


def _control(request: web.Request) -> Control:
    return request.app[CONTROL]


def _by(request: web.Request) -> str:
    return "cli" if request.headers.get("User-Agent", "").startswith("sigma") else "web"


def _done(done: Done) -> web.Response:
    return answer({"minute_ms": done.minute_ms})
