"""Runs: batch commands started, followed and cancelled beside trading."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web
from pydantic import Field

from bot.retraining.run_queue import RunQueue
from bot.values.view import View
from bot.views.run_records import RunRecord, records_of
from bot.views.runs import Run, RunKind, RunPage
from bot.web.app_keys import CONFIG, RUNS
from bot.web.operations import Operations
from bot.web.problems import Unhealthy
from bot.web.requests import Asked
from bot.web.routes.commands import by

operations: Final = Operations("runs")
routes: Final = web.RouteTableDef()
NAME: Final = r"^r-\d{5,9}$"
REPORT_POLICY: Final = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; frame-ancestors 'none'"
)


class RunRequest(Asked):
    """Which run."""

    id: str = Field(pattern=NAME)


class CancelRequest(Asked):
    """Which run to end."""

    id: str = Field(pattern=NAME)


class StartRequest(Asked):
    """What to run, and how."""

    kind: str = Field(pattern=r"^[a-z-]{1,32}$", description="as in GET /api/runs/kinds")
    options: dict[str, str] = Field({}, max_length=20)


class Runs(View):
    """Runs, newest first."""

    runs: list[Run]


class RunRecords(View):
    """Run records, by kind, then by the end of their data."""

    records: list[RunRecord]


class RunKinds(View):
    """What may be run."""

    kinds: list[RunKind]


@operations.get("/api/runs")
async def runs(request: web.Request) -> Runs:
    """Return the runs that were started beside trading, newest first."""
    return Runs(runs=_queue(request).all())


@operations.get("/api/runs/records")
async def run_records(request: web.Request) -> RunRecords:
    """Return the index of all runs there is a record of, as `sigma runs list` has it."""
    config = request.app.get(CONFIG)
    if config is None:
        raise Unhealthy("this daemon has no settings to show")
    return RunRecords(records=await asyncio.to_thread(records_of, config.paths.runs))


@operations.get("/api/runs/kinds")
async def run_kinds(request: web.Request) -> RunKinds:
    """Return which commands may be run, with their options."""
    return RunKinds(kinds=_queue(request).kinds())


@operations.get("/api/run", problems=(404,))
async def run(request: web.Request, query: RunRequest) -> RunPage:
    """Return one run with its whole answer."""
    return await asyncio.to_thread(_queue(request).page, query.id)


@operations.post("/api/runs", status=202, problems=(404, 409))
async def start_run(request: web.Request, body: StartRequest) -> Run:
    """Put a run into the queue; it begins when the child before it has ended."""
    return _queue(request).start(body.kind, body.options, by(request))


@operations.post("/api/runs/cancel", status=202, problems=(404, 409))
async def cancel_run(request: web.Request, body: CancelRequest) -> Run:
    """End a run, or take it out of the queue."""
    return _queue(request).cancel(body.id, by(request))


@routes.get("/api/runs/report")
async def run_report(request: web.Request) -> web.StreamResponse:
    """A run's report, in a page that can do nothing but show itself."""
    path = _queue(request).report(request.query.get("id", "")[:20])
    return web.FileResponse(path, headers={"Content-Security-Policy": REPORT_POLICY, "Content-Type": "text/html"})


def _queue(request: web.Request) -> RunQueue:
    queue = request.app.get(RUNS)
    if queue is None:
        raise Unhealthy("this daemon takes no runs")
    return queue
