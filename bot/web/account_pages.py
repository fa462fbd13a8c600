"""What one account shows and takes: its API, its stream. A daemon with several mounts each of the others below
`/accounts/NAME`, with the routes of the first.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from aiohttp import web

from bot.clock import wall_ms
from bot.operations.metrics import Metrics
from bot.retraining.run_queue import RunQueue
from bot.scheduling.universe import Universe
from bot.trading.control import Control
from bot.trading.snapshot import Snapshot
from bot.web import auth_routes as signing
from bot.web import dashboard, reference, socket
from bot.web.app_keys import ACCOUNTS, CONFIG, CONTROL, HUB, METRICS, OPENAPI, READING, RUNS, SESSIONS, UNIVERSE
from bot.web.operations import Operation
from bot.web.query_cache import Reading
from bot.web.routes import account, charts, commands, health, models, predict, runs, system, universe
from bot.web.routes.events import Announcer
from bot.web.session import Sessions
from bot.web.stream import Hub
from storage.config.tree import Config
from storage.ledger.journal import Alert

CHAPTERS: Final = (account, charts, models, universe, predict, commands, runs, system, signing, health)
PLAIN: Final = (dashboard, socket, reference, runs, signing, health)
PREFIX: Final = "/accounts/"


def operations() -> list[Operation]:
    """Return every typed operation, in the order in which they are told."""
    return [operation for chapter in CHAPTERS for operation in chapter.operations.all]


class AccountPages:
    """One account's side of the web server: answers questions, takes commands, tells its stream."""

    def __init__(
        self,
        control: Control,
        *,
        config: Config | None = None,
        markets: Universe | None = None,
        run_queue: RunQueue | None = None,
    ) -> None:
        """Prepare.

        Args:
            control: questions and commands.
            config: shown in the settings and asked for the log; None: neither is told.
            markets: who belongs to the account and why; None: it is not asked.
            run_queue: batch commands beside trading; None: none are taken.
        """
        self.control = control
        self.name = control.ledger.account.name
        self._config = config
        self._markets = markets
        self.run_queue = run_queue
        self._is_watching = False
        self.hub = Hub(wall_ms())
        self.announcer = Announcer(control, self.hub)

    def on_snapshot(self, snapshot: Snapshot) -> None:
        """Tell the stream what an account minute changed."""
        self.announcer.on_snapshot(snapshot)

    def on_note(self, alert: Alert) -> None:
        """Tell the stream what people are told apart from account minutes."""
        self.announcer.on_note(alert)

    def fill(self, app: web.Application, metrics: Metrics, sessions: Sessions, document: dict[str, Any]) -> None:
        """Put the account's routes, and what they find, into an application."""
        app[CONTROL], app[METRICS], app[HUB], app[SESSIONS] = self.control, metrics, self.hub, sessions
        app[READING], app[OPENAPI], app[ACCOUNTS] = Reading(self.control), document, [self.control]
        if self.run_queue is not None:
            app[RUNS] = self.run_queue
        if self._config is not None:
            app[CONFIG] = self._config
        if self._markets is not None:
            app[UNIVERSE] = self._markets
        for chapter in PLAIN:
            app.add_routes(chapter.routes)
        for operation in operations():
            app.router.add_route(operation.method, operation.path, operation.respond)
        app.on_shutdown.append(socket.end_streams)
        if not self._is_watching:
            self._is_watching = True
            app.cleanup_ctx.append(self._watching_training)

    async def _watching_training(self, _app: web.Application) -> AsyncIterator[None]:
        watching = asyncio.create_task(self.announcer.watch_training(), name="web-training")
        yield
        watching.cancel()
        await asyncio.wait([watching])
