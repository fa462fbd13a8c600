"""The web server: API, stream, dashboard and control port of one daemon."""

from __future__ import annotations

import asyncio
import errno

from aiohttp import web

from bot.clock import wall_ms
from bot.operations.metrics import Metrics
from bot.trading.snapshot import Snapshot
from bot.web import openapi
from bot.web.account_pages import PREFIX, AccountPages, operations
from bot.web.app_keys import ACCOUNTS
from bot.web.doorway import Doorway
from bot.web.middleware import Guard, add_security_headers
from bot.web.revoked import Revoked
from bot.web.session import Sessions
from bot.web.token import check_tokens
from storage.config.services import WebSettings
from storage.ledger.journal import Alert
from strategies.errors import AlreadyRunning


class WebServer:
    """Serves until stopped.

    Args:
        pages: of the account that is shown first.
        metrics: told by `/metrics`.
        settings: `[web]`.
        token: opens what changes state.
        revoked: sessions that were signed out; None: remembered as long as this server.

    Raises:
        BadInput: a token is too short for where this server listens.
    """

    def __init__(
        self,
        pages: AccountPages,
        metrics: Metrics,
        settings: WebSettings,
        token: str,
        *,
        revoked: Revoked | None = None,
    ) -> None:
        check_tokens(settings, token)
        self._metrics = metrics
        self._sessions = Sessions(token, wall_ms, read_token=settings.read_token.reveal(), revoked=revoked)
        self._settings = settings
        self._doorway = Doorway(settings.max_connections)
        self._pages = pages
        self._document = openapi.document(operations(), pages.control)
        self._app = self._application()
        if pages.run_queue is not None:
            pages.run_queue.on_change = pages.announcer.on_run
        self._runner: web.AppRunner | None = None
        self._listener: asyncio.Server | None = None
        self._address = ""

    def on_snapshot(self, snapshot: Snapshot) -> None:
        """Tell the stream what an account minute changed."""
        self._pages.on_snapshot(snapshot)

    def on_note(self, alert: Alert) -> None:
        """Tell the stream what people are told apart from account minutes."""
        self._pages.on_note(alert)

    def add(self, pages: AccountPages) -> None:
        """Serve an account below `/accounts/NAME`, too; before `start`."""
        app = web.Application(client_max_size=self._settings.max_body_kb * 1024)
        pages.fill(app, self._metrics, self._sessions, self._document)
        self._app.add_subapp(f"{PREFIX}{pages.name}", app)
        if pages is not self._pages:
            self._app[ACCOUNTS].append(pages.control)
        app[ACCOUNTS] = self._app[ACCOUNTS]

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

    def _application(self) -> web.Application:
        settings = self._settings
        guard = Guard(sessions=self._sessions, settings=settings, doorway=self._doorway)
        app = web.Application(middlewares=guard.middlewares(), client_max_size=settings.max_body_kb * 1024)
        self._pages.fill(app, self._metrics, self._sessions, self._document)
        app.on_response_prepare.append(add_security_headers)
        return app
