"""Everybody who is told: one account's channels, their deliverers, and `note` for events outside a minute."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
from sqlalchemy import Engine as Database

from bot.alerts.channel import Channel
from bot.alerts.deliverer import Deliverer, Pace, RealPace
from bot.clock import wall_ms
from bot.tracing import OFF, AccountTraces
from storage.config.services import AlertSettings
from storage.ledger.journal import Alert
from storage.ledger.outbox import Outbox


class Alerts:
    """Delivers one account's outbox to its channels, and takes notes for it.

    Args:
        database: of the ledger; used from one thread of this object's own.
        account_id: whose outbox.
        settings: levels and burst.
        count: told of outcomes, for the metrics: channel, outcome, number.
        pace: real seconds, or a test's.
        on_note: told of every new note, on the event loop, once it is written.
    """

    def __init__(
        self,
        database: Database,
        account_id: int,
        settings: AlertSettings,
        *,
        count: Callable[[str, str, int], None] = lambda _channel, _outcome, _number: None,
        pace: Pace | None = None,
        on_note: Callable[[Alert], None] = lambda _alert: None,
    ) -> None:
        self.outbox = Outbox(database, account_id)
        self._settings = settings
        self._count = count
        self._pace = pace or RealPace()
        self._on_note = on_note
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="alerts")
        self._traces = OFF
        self._deliverers: list[Deliverer] = []
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None

    async def open(self, channels: Sequence[Channel]) -> None:
        """Make channels known before the first minute, so that they miss nothing from here on."""
        for channel in channels:
            await self.ask(self.outbox.open_channel, channel.name)
            self._deliverers.append(
                Deliverer(
                    self.outbox,
                    channel,
                    self._settings,
                    worker=self._worker,
                    now_ms=wall_ms,
                    pace=self._pace,
                    count=self._count,
                )
            )
            self._deliverers[-1].traces = self._traces

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for deliverer in self._deliverers:
                self._start(deliverer)
            await asyncio.get_running_loop().create_future()  # a channel may come at any time

    async def add(self, channel: Channel) -> None:
        """Deliver to one more channel from now on."""
        await self.open([channel])
        self._start(self._deliverers[-1])

    async def close(self, name: str) -> None:
        """Deliver to a channel no more."""
        self._deliverers = [part for part in self._deliverers if part.name != name]
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()

    def use(self, settings: AlertSettings) -> None:
        """Take other levels and another burst."""
        self._settings = settings
        for deliverer in self._deliverers:
            deliverer.use(settings)

    def trace(self, traces: AccountTraces) -> None:
        """Trace deliveries from now on."""
        self._traces = traces
        for deliverer in self._deliverers:
            deliverer.traces = traces

    def _start(self, deliverer: Deliverer) -> None:
        if self._group is not None and deliverer.name not in self._tasks:
            self._tasks[deliverer.name] = self._group.create_task(deliverer.run(), name=f"alerts-{deliverer.name}")

    async def note(self, event: str, key: str, payload: Mapping[str, Any], ms: int) -> bool:
        """Write an alert that no account minute writes: training, feed, digest.

        Args:
            event: one of `[alerts]`; anything else is always told.
            key: of the event; a key that was noted before is not noted again.
            payload: plain JSON.
            ms: when it happened, market time.

        Returns:
            Whether it is new.
        """
        alert = Alert(key=key, ms=ms, event=event, payload=orjson.dumps(dict(payload)).decode())
        is_new = bool(await self.ask(self.outbox.note, alert))
        if is_new:
            self._on_note(alert)
        return is_new

    async def ask(self, question: Callable[..., Any], *arguments: object) -> Any:
        """Run an outbox query on the alerts' own thread."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, question, *arguments)
