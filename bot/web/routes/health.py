"""Questions of supervisors and monitors: is it alive, is it ready, what does it measure."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from bot.web.app_keys import CONTROL, METRICS
from bot.web.operations import Operations
from bot.web.problems import Unhealthy
from bot.web.responses import Health, Readiness

operations: Final = Operations("health")
routes: Final = web.RouteTableDef()


@operations.get("/healthz")
async def healthz(request: web.Request) -> Health:
    """Say that the process answers: what a supervisor restarts on. No restart mends an exchange that is away."""
    return Health(alive=True, minute_age_s=request.app[CONTROL].minute_age_ms() / 1000)


@operations.get("/readyz", problems=(503,))
async def readyz(request: web.Request) -> Readiness:
    """Say whether the feed is unbroken and fresh, the ledger takes minutes and a bundle decides."""
    control = request.app[CONTROL]
    snapshot = control.snapshot
    broken = [symbol for symbol, is_ready in control.feed.ready.items() if not is_ready]
    if snapshot is None:
        raise Unhealthy("no account minute has been processed yet")
    if not control.is_fresh():
        raise Unhealthy(f"no account minute for {control.minute_age_ms() / 1000:.0f} s of market time")
    if broken:
        raise Unhealthy(f"the candles of {', '.join(broken)} have a gap that is not filled yet")
    if not control.is_ledger_writable():
        raise Unhealthy("the ledger does not take the account minute; trading waits for it")
    return Readiness(ready=True, feed=dict(control.feed.ready), bundle=snapshot.bundle_id)


@routes.get("/metrics")
async def metrics(request: web.Request) -> web.Response:
    """Prometheus text."""
    content, content_type = request.app[METRICS].render()
    return web.Response(body=content, headers={"Content-Type": content_type})
