"""Everything that tells people: alerts to chats and webhook, digest, watches, the Telegram bot; one task of the daemon.

Composition only. The Telegram libraries are loaded only where a bot is configured.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlalchemy import Engine as Database

from bot.alerts.alerts import Alerts
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
from storage.ledger.journal import Alert

if TYPE_CHECKING:
    from bot.telegram.bot import TelegramBot


class Notifications:
    """Opened before the first minute, run beside the trader; nothing here can hold up trading."""

    def __init__(self, config: Config, control: Control, alerts: Alerts) -> None:
        self.alerts = alerts
        self._config = config
        self._control = control
        self._bot: TelegramBot | None = None
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
    ) -> Notifications:
        """Make all channels known.

        Args:
            config: which channels.
            database: holds the outbox.
            control: of the account that is told about.
            metrics: count what is delivered.
            on_note: told of every alert that no account minute wrote.

        Raises:
            BadInput: a webhook without a secret.
        """
        alerts = Alerts(database, control.ledger.account.id, config.alerts, count=metrics.on_alert, on_note=on_note)
        notifications = cls(config, control, alerts)
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
            channels.extend(await notifications._open_telegram(metrics))
        channels.extend(open_channels(install(config.plugins), config.plugins))
        await alerts.open(channels)
        return notifications

    async def run(self) -> None:
        """Tell until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.alerts.run(), name="alerts")
            group.create_task(watch(self._control, self.alerts, further=self._watches), name="watch")
            cron = self._config.schedule.digest_cron
            group.create_task(digest_daily(self._control, self.alerts, cron), name="digest")
            if self._bot is not None:
                group.create_task(self._bot.run(), name="telegram")

    async def _open_telegram(self, metrics: Metrics) -> list[Channel]:
        from bot.telegram.access import Access
        from bot.telegram.bot import TelegramBot
        from bot.telegram.channel import TelegramChannel, channel_name
        from bot.telegram.connection import connect
        from bot.telegram.context import Context
        from bot.telegram.quiet import Quiet

        settings, alerts = self._config.telegram, self.alerts
        names = [channel_name(chat_id) for chat_id in settings.chat_ids]
        muted = {name: await alerts.ask(alerts.outbox.muted_until_ms, name) for name in names}
        quiet = Quiet(settings.quiet_from, settings.quiet_until, wall_ms, muted)
        access = Access(settings.chat_ids, time.monotonic, metrics.on_ignored)
        context = Context(
            control=self._control,
            alerts=alerts,
            quiet=quiet,
            settings=self._config.shown(),
            started_ms=wall_ms(),
            now_ms=wall_ms,
            refused=access.refused,
        )
        bot = connect(settings)
        self._bot = TelegramBot(bot, settings, context, access, time.monotonic)
        token, is_demo = settings.token.reveal(), self._control.exchange_info.is_demo
        return [TelegramChannel(bot, chat_id, token, quiet, is_demo=is_demo) for chat_id in settings.chat_ids]
