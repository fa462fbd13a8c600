"""Questions of supervisors and monitors: is it alive, is it ready, what does it measure."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from bot.trading.control import Control
from bot.web.app_keys import ACCOUNTS, CONTROL, METRICS
from bot.web.operations import Operations
from bot.web.problems import Unhealthy
from bot.web.responses import Health, Readiness

operations: Final = Operations("health")
routes: Final = web.RouteTableDef()


@operations.get("/healthz")
async def healthz(request: web.Request) -> Health:
    """Say that the process answers: what a supervisor restarts on. No restart mends an exchange that is away."""
    return Health(alive=True, minute_age_s=max(_age_s(control) for control in request.app[ACCOUNTS]))


@operations.get("/readyz", problems=(503,))
async def readyz(request: web.Request) -> Readiness:
    """Say whether the feed is unbroken and fresh, the ledger takes minutes and a bundle decides."""
    for control in request.app[ACCOUNTS]:
        if why := _unready(control):
            raise Unhealthy(f"{_of(request, control)}{why}")
    control = request.app[CONTROL]
    assert control.snapshot is not None
    return Readiness(ready=True, feed=dict(control.feed.ready), bundle=control.snapshot.bundle_id)


def _unready(control: Control) -> str:
    """Return why an account is not ready; "" when it is."""
    broken = [symbol for symbol, is_ready in control.feed.ready.items() if not is_ready]
    if control.snapshot is None:
        return "no account minute has been processed yet"
    if standing_s := control.standing_s():
        return f"no account minute for {standing_s:.0f} s; the market's clock waits for this machine"
    if not control.is_fresh():
        return f"no account minute for {_age_s(control):.0f} s of market time"
    if broken:
        return f"the candles of {', '.join(broken)} have a gap that is not filled yet"
    if not control.is_ledger_writable():
        return "the ledger does not take the account minute; trading waits for it"
    return ""


def _of(request: web.Request, control: Control) -> str:
    return f"account {control.ledger.account.name}: " if len(request.app[ACCOUNTS]) > 1 else ""


def _age_s(control: Control) -> float:
    return control.minute_age_ms() / 1000


@routes.get("/metrics")
async def metrics(request: web.Request) -> web.Response:
    """Prometheus text."""
    content, content_type = request.app[METRICS].render()
    return web.Response(body=content, headers={"Content-Type": content_type})
