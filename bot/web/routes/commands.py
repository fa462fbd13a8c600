"""Operations that change something: each queues a command and answers when it is in the ledger."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web
from pydantic import Field

from bot.trading.control import Control, Done
from bot.web.app_keys import CONTROL
from bot.web.operations import Operations
from bot.web.problems import Conflict, NotFound
from bot.web.requests import Asked, Symbol
from bot.web.responses import Recorded, Stopping, TrainingState
from bot.web.session import is_dashboard

operations: Final = Operations("commands")


class CloseRequest(Asked):
    """What to close."""

    symbol: Symbol | None = Field(None, description="one market; everything by default")


class PromotionRequest(Asked):
    """Which bundle."""

    bundle: str = Field(pattern=r"^b-[0-9a-z]{1,64}$", description="an id, or an unambiguous beginning of one")
    force: bool = Field(False, description="also one that was made in test mode")


@operations.post("/api/pause")
async def pause(request: web.Request) -> Recorded:
    """Take no new entries; exits go on."""
    return _recorded(await _control(request).pause(_by(request)))


@operations.post("/api/resume")
async def resume(request: web.Request) -> Recorded:
    """Take entries again."""
    return _recorded(await _control(request).resume(_by(request)))


@operations.post("/api/close")
async def close(request: web.Request, body: CloseRequest) -> Recorded:
    """Close one position, or all, at the next open."""
    return _recorded(await _control(request).close(body.symbol, _by(request)))


@operations.post("/api/stop")
async def stop(request: web.Request) -> Recorded:
    """Kill switch: close everything and take no entries."""
    return _recorded(await _control(request).stop(_by(request)))


@operations.post("/api/unlock")
async def unlock(request: web.Request) -> Recorded:
    """Lift the protections that only a person may lift."""
    return _recorded(await _control(request).unlock(_by(request)))


@operations.post("/api/promote", problems=(404, 409))
async def promote(request: web.Request, body: PromotionRequest) -> Recorded:
    """Verify a bundle and let it decide from the next minute on."""
    control = _control(request)
    known = await asyncio.to_thread(control.registry.ids)
    matches = [name for name in known if name.startswith(body.bundle)]
    if len(matches) != 1 and body.bundle not in matches:
        raise NotFound(f"bundle {body.bundle!r} matches {len(matches)} bundles; exactly one is needed")
    return _recorded(await control.promote(body.bundle, _by(request), force=body.force))


@operations.post("/api/rollback", problems=(409,))
async def rollback(request: web.Request) -> Recorded:
    """Go back to the bundle that decided before; to the trend rule when there was none."""
    control = _control(request)
    if await asyncio.to_thread(control.registry.production, control.exchange_info.exchange) is None:
        raise Conflict("no bundle is in production; there is nothing to roll back")
    return _recorded(await control.rollback(_by(request)))


@operations.post("/api/retrain", status=202, problems=(409,))
async def retrain(request: web.Request) -> TrainingState:
    """Start a retraining now; its progress is in the status and on the stream."""
    control = _control(request)
    await control.training.start(f"asked for by {_by(request)}")
    return TrainingState(**control.training.progress())


@operations.post("/api/shutdown", status=202)
async def shutdown(request: web.Request) -> Stopping:
    """Stop the daemon in order; positions stay open."""
    _control(request).shut_down()
    return Stopping(stopping=True)


def _control(request: web.Request) -> Control:
    return request.app[CONTROL]


def _by(request: web.Request) -> str:
    if is_dashboard(request):
        return "dashboard"
    return "cli" if request.headers.get("User-Agent", "").startswith("sigma") else "web"


def _recorded(done: Done) -> Recorded:
    return Recorded(minute_ms=done.minute_ms)
