"""The web server as one task of the daemon."""

from __future__ import annotations

import errno

from aiohttp import web

from bot.control import Control
from bot.metrics import Metrics
from bot.web import commands, questions
from bot.web.guard import Guard
from bot.web.keys import CONTROL, METRICS
from storage.config_services import WebSettings
from strategies.errors import AlreadyRunning


class WebServer:
    """Serves until stopped."""

    def __init__(self, control: Control, metrics: Metrics, settings: WebSettings, token: str) -> None:
        guard = Guard(
            token=token,
            is_loopback=settings.is_loopback,
            allowed_hosts=settings.allowed_hosts,
            requests_per_minute=settings.requests_per_minute,
        )
        self._app = web.Application(middlewares=guard.middlewares(), client_max_size=settings.max_body_kb * 1024)
        self._app[CONTROL], self._app[METRICS] = control, metrics
        self._app.add_routes([*questions.routes, *commands.routes])
        self._settings = settings
        self._runner: web.AppRunner | None = None

    async def start(self) -> str:
        """Listen and return the address people open.

        Raises:
            AlreadyRunning: the port is taken.
        """
        self._runner = web.AppRunner(self._app, access_log=None, shutdown_timeout=2)
        await self._runner.setup()
        host, port = self._settings.host, self._settings.port
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            await self._runner.cleanup()
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                raise AlreadyRunning(
                    f"port {port} on {host} is taken ({error.strerror}); set [web] port to a free one"
                ) from error
            raise
        bound = self._runner.addresses[0][1]
        return f"http://{host}:{bound}"

    async def stop(self) -> None:
        """Stop listening; requests in flight get two seconds."""
        if self._runner is not None:
            await self._runner.cleanup()
