"""The web server: API, stream, dashboard and control port of one daemon."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web

from bot.clock import wall_ms
from bot.operations.metrics import Metrics
from bot.retraining.run_queue import RunQueue
from bot.scheduling.universe import Universe
from bot.trading.control import Control
from bot.trading.snapshot import Snapshot
from bot.web import auth_routes as signing
from bot.web import dashboard, openapi, reference, socket
from bot.web.app_keys import CONFIG, CONTROL, HUB, METRICS, OPENAPI, READING, RUNS, SESSIONS, UNIVERSE
from bot.web.doorway import Doorway
from bot.web.middleware import Guard, add_security_headers
from bot.web.operations import Operation
from bot.web.query_cache import Reading
from bot.web.revoked import Revoked
from bot.web.routes import account, charts, commands, health, models, predict, runs, system, universe
from bot.web.routes.events import Announcer
from bot.web.session import Sessions
from bot.web.stream import Hub
from bot.web.token import check_tokens
from storage.config.services import WebSettings
from storage.config.tree import Config
from storage.ledger.journal import Alert
from strategies.errors import AlreadyRunning

CHAPTERS: Final = (account, charts, models, universe, predict, commands, runs, system, signing, health)
PLAIN: Final = (dashboard, socket, reference, runs, signing, health)


class WebServer:
    """Serves until stopped.

    Args:
        control: questions and commands.
        metrics: told by `/metrics`.
        settings: `[web]`.
        token: opens what changes state.
        revoked: sessions that were signed out; None: remembered as long as this server.
        run_queue: batch commands beside trading; None: none are taken.
        config: shown in the settings and asked for the log; None: neither is told.
        markets: who belongs to the account and why; None: it is not asked.

    Raises:
        BadInput: a token is too short for where this server listens.
    """

    def __init__(
        self,
        control: Control,
        metrics: Metrics,
        settings: WebSettings,
        token: str,
        *,
        revoked: Revoked | None = None,
        run_queue: RunQueue | None = None,
        config: Config | None = None,
        markets: Universe | None = None,
    ) -> None:
        check_tokens(settings, token)
        self._sessions = Sessions(token, wall_ms, read_token=settings.read_token.reveal(), revoked=revoked)
        self._settings = settings
        self._doorway = Doorway(settings.max_connections)
        self._hub = Hub(wall_ms())
        self._announcer = Announcer(control, self._hub)
        self._app = self._application(control, metrics)
        if run_queue is not None:
            self._app[RUNS] = run_queue
            run_queue.on_change = self._announcer.on_run
        if config is not None:
            self._app[CONFIG] = config
        if markets is not None:
            self._app[UNIVERSE] = markets
        self._runner: web.AppRunner | None = None
        self._listener: asyncio.Server | None = None
        self._address = ""

    def on_snapshot(self, snapshot: Snapshot) -> None:
        """Tell the stream what an account minute changed."""
        self._announcer.on_snapshot(snapshot)

    def on_note(self, alert: Alert) -> None:
        """Tell the stream what people are told apart from account minutes."""
        self._announcer.on_note(alert)

    async def start(self) -> str:
        """Listen and return the address people open.

        Raises:
            AlreadyRunning: the port is taken.
        """
        timeout_s = self._settings.request_timeout_s  # a request has to be there in this time, whole
        self._runner = web.AppRunner(self._app, access_log=None, shutdown_timeout=2, keepalive_timeout=timeout_s)
        await self._runner.setup()
        server = self._runner.server
        assert server is not None
        self._doorway.leads_to(server)
        host, port = self._settings.host, self._settings.port
        try:
            self._listener = await asyncio.get_running_loop().create_server(self._doorway, host, port, backlog=128)
        except OSError as error:
            await self._runner.cleanup()
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                raise AlreadyRunning(
                    f"port {port} on {host} is taken ({error.strerror}); set [web] port to a free one"
                ) from error
            raise
        self._address = self._settings.address(self._listener.sockets[0].getsockname()[1])
        return self._address

    def sign_in_link(self) -> str:
        """Return an address that opens the dashboard signed in: once, within ten minutes, in one browser."""
        return f"{self._address}/login?ticket={self._sessions.new_ticket()}"

    async def stop(self) -> None:
        """Stop listening; streams are told, requests in flight get two seconds."""
        if self._listener is not None:
            self._listener.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def _application(self, control: Control, metrics: Metrics) -> web.Application:
        settings = self._settings
        max_body_bytes = settings.max_body_kb * 1024
        guard = Guard(sessions=self._sessions, settings=settings, doorway=self._doorway)
        app = web.Application(middlewares=guard.middlewares(), client_max_size=max_body_bytes)
        app[CONTROL], app[METRICS], app[HUB], app[SESSIONS] = control, metrics, self._hub, self._sessions
        app[READING] = Reading(control)
        app[OPENAPI] = openapi.document(operations(), control)
        for chapter in PLAIN:
            app.add_routes(chapter.routes)
        for operation in operations():
            app.router.add_route(operation.method, operation.path, operation.respond)
        app.on_response_prepare.append(add_security_headers)
        app.on_shutdown.append(socket.end_streams)
        app.cleanup_ctx.append(self._watching_training)
        return app

    async def _watching_training(self, _app: web.Application) -> AsyncIterator[None]:
        watching = asyncio.create_task(self._announcer.watch_training(), name="web-training")
        yield
        watching.cancel()
        await asyncio.wait([watching])


def operations() -> list[Operation]:
    """Return every typed operation, in the order in which they are told."""
    return [operation for chapter in CHAPTERS for operation in chapter.operations.all]
