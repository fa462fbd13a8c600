"""Waiting page: what the dashboard's address answers while a start waits for its exchange or database, and why it does.

Appears with the first wait and gives the address up before the real server takes it. Knows no account and takes no
command.
"""

from __future__ import annotations

import asyncio
import html
from typing import Final

import structlog
from aiohttp import web

from bot.operations.systemd import ServiceManager
from bot.web.middleware import SECURITY_HEADERS
from bot.web.problems import problem
from storage.config.services import WebSettings

AGAIN_S: Final = 5
PAGE: Final = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Sigma Analyst waits</title>
<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="{again}"></head>
<body><h1>Waiting to start</h1><p>{why}</p><p>Nothing is lost: what was missed is fetched when the start goes on.
This page looks again every {again} seconds.</p></body></html>"""


class WaitingPage:
    """Serves one sentence. `on_wait` and `close` are called on the event loop; both are harmless when repeated."""

    def __init__(self, settings: WebSettings, supervisor: ServiceManager) -> None:
        self._settings = settings
        self._supervisor = supervisor
        self._why = ""
        self._serving: asyncio.Task[None] | None = None

    def on_wait(self, why: str) -> None:
        """Say why the start waits; log it when it changes."""
        if why != self._why:
            structlog.get_logger("daemon").warning("start waits", why=why)
        self._why = why
        if self._serving is None:
            self._serving = asyncio.create_task(self._serve(), name="waiting-page")

    async def close(self) -> None:
        """Give the address up."""
        serving, self._serving = self._serving, None
        if serving is not None:
            serving.cancel()
            await asyncio.wait([serving])

    async def _serve(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            try:
                await web.TCPSite(runner, self._settings.host, self._settings.port).start()
            except OSError as error:
                structlog.get_logger("daemon").warning("no page while waiting", error=str(error))
            self._supervisor.ready()  # alive and at work: waiting is what there is to do
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        match request.path:
            case "/healthz":
                return web.json_response({"alive": True, "minute_age_s": None}, headers=SECURITY_HEADERS)
            case "/" if request.method in ("GET", "HEAD"):
                text = PAGE.format(why=html.escape(self._why), again=AGAIN_S)
                return web.Response(text=text, content_type="text/html", headers=SECURITY_HEADERS)
            case _:
                return problem(503, "Waiting", f"the start waits: {self._why}")
