"""A daemon with a Telegram bot of its own, talking to our Bot API server through the real client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.alerts.alerts import Alerts
from bot.telegram.access import Access
from bot.telegram.bot import TelegramBot
from bot.telegram.channel import TelegramChannel, channel_name
from bot.telegram.chats import KnownChats
from bot.telegram.connection import connect
from bot.telegram.context import Context
from bot.telegram.pairing import Pairing
from bot.telegram.quiet import Quiet
from storage.config.services import AlertSettings
from storage.config.tree import parse
from storage.ledger.chats import Chats
from storage.ledger.database import connect as connect_database
from storage.models.registry import Registry
from strategies.bundle.files import MANIFEST
from strategies.market import DAY_MS
from tests.bot.alerts.stage import telegram_settings
from tests.bot.telegram.bot_api_server import PERSON, TOKEN, BotApiServer, Said
from tests.bot.trading.daemon_world import DaemonWorld, daemon_world
from tests.builders import START_MS
from tests.made_bundles import made_bundle

NOW_MS = START_MS + 400 * DAY_MS  # the wall clock, another time than the market's


@dataclass
class Seconds:
    """Real seconds that a test moves."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Scene:
    """The parts a test may touch."""

    server: BotApiServer
    world: DaemonWorld
    alerts: Alerts
    access: Access
    quiet: Quiet
    seconds: Seconds
    context: Context

    async def ask(self, text: str) -> Said:
        """Let the one person write, and return the bot's reply; alerts may come in between."""
        count = len(self.server.said)
        await self.server.write(text)
        return await self.reply_after(count)

    async def reply_after(self, count: int) -> Said:
        """Return the first reply among the messages from number `count` on."""
        await self.server.wait_for(lambda: any(_is_reply(said) for said in self.server.said[count:]))
        return next(said for said in self.server.said[count:] if _is_reply(said))


def _is_reply(said: Said) -> bool:
    """Replies end in the market's name alone, alerts name a time beside it."""
    return said.texts[0].endswith(("<i>demo market</i>", "<i>demo piyasa</i>"))


def add_bundle(registry: Registry, seed: int) -> str:
    """Store a bundle of the built-in exchange that differs from others in its seed only; return its id."""
    files = dict(made_bundle().files)
    manifest = files[MANIFEST].replace(b'"seed": 0', f'"seed": {seed}'.encode())
    files[MANIFEST] = manifest.replace(b'"exchange": "made"', b'"exchange": "builtin"')
    return registry.add_files(files)


@asynccontextmanager
async def scene(folder: Path, *, remembers: bool = False) -> AsyncIterator[Scene]:
    """Run trader, alerts and bot until the block ends; with `remembers` chats keep what they choose, and pair."""
    server, seconds = BotApiServer(), Seconds()
    settings = telegram_settings(await server.start())
    async with daemon_world(folder) as world:
        database = connect_database(f"sqlite:///{folder / 'ledger.db'}")
        alerts = Alerts(database, world.control.ledger.account.id, AlertSettings())
        access, quiet = Access([PERSON], seconds, world.metrics.on_ignored), Quiet("", "", lambda: NOW_MS, {})
        chats = KnownChats(Chats(database, world.control.ledger.account.id), settings, access, alerts.ask)
        await chats.load()
        context = Context(
            control=world.control,
            alerts=alerts,
            quiet=quiet,
            settings=parse("", {"SIGMA_TELEGRAM__TOKEN": TOKEN}).shown(),
            started_ms=NOW_MS - 3_600_000,
            now_ms=lambda: NOW_MS,
            refused=access.refused,
            chats=chats if remembers else None,
            pairing=Pairing(seconds, folder) if remembers else None,
            log_file=folder / "sigma.log",
        )
        client = connect(settings, timeout_s=2.0)
        bot = TelegramBot(client, settings, context, access, seconds)
        await alerts.open([TelegramChannel(client, PERSON, quiet, is_demo=True)])
        tasks = [asyncio.create_task(bot.run()), asyncio.create_task(alerts.run())]
        try:
            yield Scene(
                server=server,
                world=world,
                alerts=alerts,
                access=access,
                quiet=quiet,
                seconds=seconds,
                context=context,
            )
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await server.stop()
            database.dispose()


__all__ = ["PERSON", "Scene", "add_bundle", "channel_name", "scene"]
