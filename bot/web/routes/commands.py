"""Operations that change something: each queues a command and answers when it is in the ledger."""

from __future__ import annotations

from typing import Final

from aiohttp import web
from pydantic import Field

from bot.clock import wall_ms
from bot.trading.control import Control, Done
from bot.values.training import TrainingProgress
from bot.web.app_keys import CONTROL
from bot.web.operations import Operations
from bot.web.requests import Asked, Symbol
from bot.web.responses import Recorded, Stopping
from bot.web.session import is_dashboard
from strategies.errors import Conflict

operations: Final = Operations("commands")
NOT_AFTER_HEADER: Final = "X-Sigma-Not-After"


class CloseRequest(Asked):
    """What to close."""

    symbol: Symbol | None = Field(None, description="one market; everything by default")


class PromotionRequest(Asked):
    """Which bundle."""

    bundle: str = Field(pattern=r"^b-[0-9a-z]{1,64}$", description="an id, or an unambiguous beginning of one")
    why: str = Field("promoted by hand", min_length=1, max_length=300, description="kept in the history")
    force: bool = Field(False, description="also one that was made in test mode")


class RollbackRequest(Asked):
    """Why."""

    why: str = Field("rolled back by hand", min_length=1, max_length=300, description="kept in the history")


@operations.post("/api/pause", problems=(409,))
async def pause(request: web.Request) -> Recorded:
    """Take no new entries; exits go on."""
    return _recorded(await _control(request).pause(by(request)))


@operations.post("/api/resume", problems=(409,))
async def resume(request: web.Request) -> Recorded:
    """Take entries again."""
    return _recorded(await _control(request).resume(by(request)))


@operations.post("/api/close", problems=(409,))
async def close(request: web.Request, body: CloseRequest) -> Recorded:
    """Close one position, or all, at the next open."""
    return _recorded(await _control(request).close(body.symbol, by(request)))


@operations.post("/api/stop", problems=(409,))
async def stop(request: web.Request) -> Recorded:
    """Kill switch: close everything and take no entries."""
    return _recorded(await _control(request).stop(by(request)))


@operations.post("/api/unlock", problems=(409,))
async def unlock(request: web.Request) -> Recorded:
    """Lift the protections that only a person may lift."""
    return _recorded(await _control(request).unlock(by(request)))


@operations.post("/api/promote", problems=(404, 409))
async def promote(request: web.Request, body: PromotionRequest) -> Recorded:
    """Verify a bundle and let it decide from the next minute on."""
    return _recorded(await _control(request).promote(body.bundle, by(request), body.why, force=body.force))


@operations.post("/api/rollback", problems=(409,))
async def rollback(request: web.Request, body: RollbackRequest) -> Recorded:
    """Go back to the bundle before the champion; to the trend rule when there was none."""
    return _recorded(await _control(request).rollback(by(request), body.why))


@operations.post("/api/retrain", status=202, problems=(409,))
async def retrain(request: web.Request) -> TrainingProgress:
    """Start a retraining now; its progress is in the status and on the stream."""
    return await _control(request).retrain(by(request))


@operations.post("/api/training/cancel", status=202, problems=(409,))
async def cancel_training(request: web.Request) -> TrainingProgress:
    """End the training that goes on; the bundle that decides goes on."""
    return await _control(request).cancel_training(by(request))


@operations.post("/api/shutdown", status=202, problems=(409,))
async def shutdown(request: web.Request) -> Stopping:
    """Stop the daemon in order; positions stay open."""
    _control(request).shut_down()
    return Stopping(stopping=True)


def _control(request: web.Request) -> Control:
    """Return whom to command.

    Raises:
        Conflict: the command says that it is not worth carrying out any more.
    """
    not_after = request.headers.get(NOT_AFTER_HEADER, "")
    if not_after.isdecimal() and (late_ms := wall_ms() - int(not_after)) > 0:
        raise Conflict(f"the command came {late_ms / 1000:.1f} s too late and was not carried out; give it again")
    return request.app[CONTROL]


def by(request: web.Request) -> str:
    """Return who asks, as the ledger records it."""
    if is_dashboard(request):
        return "dashboard"
    return "cli" if request.headers.get("User-Agent", "").startswith("sigma") else "web"


def _recorded(done: Done) -> Recorded:
    return Recorded(minute_ms=done.minute_ms)
