"""Measuring for `/metrics` beside account minutes: how accounts, trainings, feed, database and disk stand.

What costs no question is taken when the metrics are asked for; what the database has to be asked is asked every
half minute by a task of its own, so that a scrape never waits for a server that is frozen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from sqlalchemy import Engine as Database
from sqlalchemy import text

from bot.feed.connection import Connection
from bot.operations.metrics import Metrics
from bot.trading.control import Control
from storage.backup.last_backup import last_backup_s
from storage.ledger.database import reading
from storage.ledger.monitor_findings import latest
from storage.ledger.outbox import Outbox
from strategies.bundle.fallback_names import is_fallback
from strategies.errors import SigmaError

EVERY_S: Final = 30.0


class Measuring:
    """Fills a daemon's metrics."""

    def __init__(
        self,
        metrics: Metrics,
        database: Database,
        connection: Connection,
        controls: Sequence[Control],
        leaders: Mapping[str, Control],
        folders: Mapping[str, Path],
    ) -> None:
        """Build it.

        Args:
            metrics: filled.
            database: of all accounts.
            connection: to the exchange.
            controls: of all accounts.
            leaders: by production pointer, an account that follows it.
            folders: by name, those whose disks may fill.
        """
        self._metrics = metrics
        self._database = database
        self._connection = connection
        self._controls = controls
        self._leaders = leaders
        self._folders = folders
        self._moves: dict[str, str] = {}
        metrics.look(self.look)

    def look(self) -> None:
        """Take what costs no question."""
        for control in self._controls:
            self._metrics.of_account.take(
                control.ledger.account.name,
                age_s=control.minute_age_ms() / 1000,
                ready=control.feed.ready,
                is_writable=control.is_ledger_writable(),
            )
        self._metrics.take_feed(self._connection.counters, self._connection.streams.count)
        self._metrics.of_machine.take(self._folders)
        for pointer, control in self._leaders.items():
            self._look_at_pointer(pointer, control)

    async def run(self) -> None:
        """Ask the database from time to time, until cancelled."""
        while True:
            await asyncio.to_thread(self.ask)
            await asyncio.sleep(EVERY_S)

    def ask(self) -> None:
        """Ask the database, and the folder of backups."""
        size, is_reachable = None, True
        try:
            size = self._size()
            for control in self._controls:
                self._ask_of(control)
        except SigmaError:
            is_reachable = False
        pool = self._database.pool
        taken = int(pool.checkedout()) if hasattr(pool, "checkedout") else 0
        machine = self._metrics.of_machine
        machine.take_database(is_reachable=is_reachable, size_bytes=size, connections=taken)
        machine.take_backup(last_backup_s(self._folders["state"]))

    def _ask_of(self, control: Control) -> None:
        account = control.ledger.account
        backlog = Outbox(self._database, account.id).backlog_of_all()
        found = latest(self._database, account, "parity")
        parity_ok = None if found is None else found.passed
        self._metrics.of_account.take_kept(account.name, backlog=backlog, parity_ok=parity_ok)

    def _size(self) -> int | None:
        with reading(self._database) as connection:
            if self._database.dialect.name == "postgresql":
                return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
            pages = connection.execute(text("PRAGMA page_count")).scalar_one()
            return int(pages) * int(connection.execute(text("PRAGMA page_size")).scalar_one())

    def _look_at_pointer(self, pointer: str, control: Control) -> None:
        snapshot, series = control.snapshot, self._metrics.of_training
        if snapshot is None:
            return
        active = snapshot.bundle_id
        if self._moves.setdefault(pointer, active) != active:
            self._moves[pointer] = active
            series.promoted(pointer)
        stands_in = is_fallback(active)
        age_s = None
        if not stands_in:
            try:
                age_s = (control.clock.now_ms() - control.registry.manifest(active).trained_until_ms) / 1000
            except SigmaError:
                age_s = None
        series.take(pointer, is_running=control.training.progress().is_busy, is_fallback=stands_in, age_s=age_s)
