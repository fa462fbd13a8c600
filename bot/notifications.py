"""Everything that tells people: alerts to chats and webhook, digest, watches, the Telegram bot; one task of the daemon.

Composition only. The Telegram libraries are loaded only where a bot is configured.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlalchemy import Engine as Database

from bot.alerts.alerts import Alerts
from bot.alerts.apprise_channel import apprise_channels
from bot.alerts.channel import Channel
from bot.alerts.digest import digest_daily
from bot.alerts.plugin import open_channels
from bot.alerts.watch import Watch, watch
from bot.alerts.webhook import Webhook
from bot.clock import wall_ms
from bot.operations.metrics import Metrics
from bot.trading.control import Control
from storage.config.plugin_files import install
from storage.config.tree import Config
from storage.lazy import lazily
from storage.ledger.job_runs import JobRuns
from storage.ledger.journal import Alert

with lazily():
    from bot.telegram.opening import open_telegram

if TYPE_CHECKING:
    from bot.telegram.opening import TelegramSide


class Notifications:
    """Opened before the first minute, run beside the trader; nothing here can hold up trading."""

    def __init__(self, config: Config, control: Control, alerts: Alerts) -> None:
        self.alerts = alerts
        self._config = config
        self._control = control
        self._telegram: TelegramSide | None = None  # of a daemon's first account
        self._runs: JobRuns | None = None
        self._watches: list[Watch] = []

    def watch_also(self, further: Watch) -> None:
        """Look at this too, every second, once `run` begins."""
        self._watches.append(further)

    @classmethod
    async def open(
        cls,
        config: Config,
        database: Database,
        control: Control,
        metrics: Metrics,
        on_note: Callable[[Alert], None] = lambda _alert: None,
        first: Notifications | None = None,
    ) -> Notifications:
        """Make all channels known.

        Args:
            config: which channels.
            database: holds the outbox.
            control: of the account that is told about.
            metrics: count what is delivered.
            on_note: told of every alert that no account minute wrote.
            first: of the daemon's first account, whose Telegram bot tells of this one, too; None: this is it.

        Raises:
            BadInput: a webhook without a secret, an address that apprise does not know.
        """
        alerts = Alerts(database, control.ledger.account.id, config.alerts, count=metrics.on_alert, on_note=on_note)
        notifications = cls(config, control, alerts)
        notifications._runs = JobRuns(database, control.ledger.account.id)
        channels: list[Channel] = []
        if config.alerts.webhook.url:
            exchange_info = control.exchange_info
            origin = {
                "exchange": exchange_info.exchange,
                "account": exchange_info.account,
                "is_demo": exchange_info.is_demo,
            }
            channels.append(Webhook(config.alerts.webhook, origin, wall_ms))
        if config.telegram.enabled:
            channels.extend(await notifications._open_telegram(database, metrics, first))
        if config.alerts.apprise.urls:
            channels.extend(apprise_channels(config.alerts.apprise, is_demo=control.exchange_info.is_demo))
        channels.extend(open_channels(install(config.plugins), config.plugins))
        await alerts.open(channels)
        return notifications

    async def run(self) -> None:
        """Tell until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.alerts.run(), name="alerts")
            looking = watch(self._control, self.alerts, further=self._watches, runs=self._runs)
            group.create_task(looking, name="watch")
            cron = self._config.schedule.digest_cron
            group.create_task(digest_daily(self._control, self.alerts, cron), name="digest")
            if self._telegram is not None:
                group.create_task(self._telegram.bot.run(), name="telegram")

    async def _open_telegram(self, database: Database, metrics: Metrics, first: Notifications | None) -> list[Channel]:
        control, alerts = self._control, self.alerts
        if first is not None and first._telegram is not None:
            side, name = first._telegram, control.ledger.account.name
            side.add_account(name, side.context_for(control, alerts, self._config))
            return side.channels(control, alerts, name)
        self._telegram = await open_telegram(self._config, database, control, alerts, metrics.on_ignored)
        several = len(self._config.account_names) > 1
        return self._telegram.channels(control, alerts, control.ledger.account.name if several else "")
