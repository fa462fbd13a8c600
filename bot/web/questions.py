"""Routes that only tell: health, metrics, status, predictions."""

from __future__ import annotations

from aiohttp import web

from bot.web.commands import body
from bot.web.keys import CONTROL, METRICS
from bot.web.page import page
from bot.web.predict import predict_document
from bot.web.problems import answer
from bot.web.status import status_document

routes = web.RouteTableDef()


@routes.get("/healthz")
async def healthz(request: web.Request) -> web.Response:
    """200 while the process answers and candles are processed; what a supervisor restarts on."""
    control = request.app[CONTROL]
    alive = control.snapshot is None or control.is_fresh()
    age_s = control.minute_age_ms() / 1000
    return answer({"alive": alive, "minute_age_s": age_s}, status=200 if alive else 503)


@routes.get("/readyz")
async def readyz(request: web.Request) -> web.Response:
    """200 when the feed is unbroken, the ledger takes minutes and a bundle decides."""
    control = request.app[CONTROL]
    ready = control.is_ready()
    return answer({"ready": ready, "feed": dict(control.feed.ready)}, status=200 if ready else 503)


@routes.get("/metrics")
async def metrics(request: web.Request) -> web.Response:
    """Prometheus text."""
    content, content_type = request.app[METRICS].render()
    return web.Response(body=content, headers={"Content-Type": content_type})


@routes.get("/api/status")
async def status(request: web.Request) -> web.Response:
    """What the daemon is doing."""
    return answer(status_document(request.app[CONTROL]))


@routes.post("/api/predict")
async def predict(request: web.Request) -> web.Response:
    """What the ensemble or one family says about a market at its last closed candle; 409 when that is stale."""
    document, status_code = predict_document(request.app[CONTROL], await body(request))
    return answer(document, status=status_code)


@routes.get("/")
async def index(request: web.Request) -> web.Response:
    """The status page."""
    return page(request.app[CONTROL])
