"""The Telegram side, put together: who is served, what they are answered from, a channel for each of them."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog
from sqlalchemy import Engine as Database

from bot.alerts.alerts import Alerts
from bot.alerts.channel import Channel
from bot.clock import wall_ms
from bot.telegram.access import Access
from bot.telegram.account_choice import AccountChoice
from bot.telegram.bot import TelegramBot
from bot.telegram.cards import Cards
from bot.telegram.channel import TelegramChannel
from bot.telegram.chats import KnownChats
from bot.telegram.connection import connect
from bot.telegram.context import Context, channel_name
from bot.telegram.links import Links
from bot.telegram.pairing import Pairing
from bot.telegram.quiet import Quiet
from bot.trading.control import Control
from storage.config.tree import Config, load
from storage.language import _
from storage.ledger.chats import Chat, Chats

LOG_NAME = "sigma.log"


class TelegramSide:
    """The bot of a daemon, and the channels through which each of its accounts tells the chats."""

    def __init__(
        self,
        config: Config,
        context: Context,
        chats: KnownChats,
        access: Access,
        pairing: Pairing,
    ) -> None:
        settings = config.telegram
        self._state = config.paths.state
        self._settings, self._context, self._chats, self._access, self._pairing = (
            settings,
            context,
            chats,
            access,
            pairing,
        )
        self._client = connect(settings)
        self._told: list[tuple[Alerts, Control, str]] = []
        self.bot = TelegramBot(self._client, settings, context, access, time.monotonic)
        self.bot.on_paired = self._on_paired

    def channels(self, control: Control, alerts: Alerts, account: str = "") -> list[Channel]:
        """Return a channel for every known chat; one that pairs later is told of this account, too.

        Args:
            control: of the account.
            alerts: of the account.
            account: its name, where it has to be said.
        """
        self._told.append((alerts, control, account))
        return [self._channel(chat, control, account) for chat in self._chats.all()]

    def add_account(self, name: str, context: Context) -> None:
        """Let chats ask about a further account by `/account NAME`."""
        assert self._context.choice is not None
        self._context.choice.add(name, context)

    def context_for(self, control: Control, alerts: Alerts, config: Config) -> Context:
        """Return what questions about a further account are answered from."""
        return replace(self._context, control=control, alerts=alerts, settings=config.shown())

    def _channel(self, chat: Chat, control: Control, account: str) -> TelegramChannel:
        cards = Cards(control, pictures=self._settings.pictures)
        links = Links(self._state / f"telegram-links-{control.ledger.account.id}-{chat.chat_id}.json")
        return TelegramChannel(
            self._client,
            chat.chat_id,
            self._context.quiet,
            is_demo=control.exchange_info.is_demo,
            chats=self._chats,
            cards=cards,
            links=links,
            account=account,
        )

    async def _on_paired(self, chat: Chat) -> None:
        for alerts, control, account in self._told:
            await alerts.add(self._channel(chat, control, account))


async def open_telegram(
    config: Config, database: Database, control: Control, alerts: Alerts, on_ignored: Callable[[str], None]
) -> TelegramSide:
    """Return the bot, answering every chat that is listed or has paired.

    Args:
        config: which chats, and what they may be told.
        database: holds the outbox and what is remembered about chats.
        control: of the first account.
        alerts: of the first account.
        on_ignored: told why an update was not answered.
    """
    settings = config.telegram
    access = Access((), time.monotonic, on_ignored)
    chats = KnownChats(Chats(database, control.ledger.account.id), settings, access, alerts.ask)
    await chats.load()
    names = [channel_name(chat.chat_id) for chat in chats.all()]
    muted = {name: await alerts.ask(alerts.outbox.muted_until_ms, name) for name in names}
    quiet = Quiet(settings.quiet_from, settings.quiet_until, wall_ms, muted)
    pairing = Pairing(time.monotonic, config.paths.state)
    if not names:
        pairing.new_code(math.inf)
        structlog.get_logger("telegram").warning("no chat is known, `sigma pair` prints a code for the first one")
    context = Context(
        control=control,
        alerts=alerts,
        quiet=quiet,
        settings=config.shown(),
        started_ms=wall_ms(),
        now_ms=wall_ms,
        refused=access.refused,
        chats=chats,
        pairing=pairing,
        log_file=config.logs.directory / LOG_NAME,
        reread=_rereading(config, alerts, quiet),
        choice=AccountChoice(),
    )
    assert context.choice is not None
    context.choice.add(control.ledger.account.name, context)
    return TelegramSide(config, context, chats, access, pairing)


def _rereading(config: Config, alerts: Alerts, quiet: Quiet) -> Callable[[], Awaitable[list[str]]]:
    """Return what reads the configuration again: alert levels and quiet hours are used at once, the rest is named."""
    before = config.shown()

    async def reread() -> list[str]:
        found = await asyncio.to_thread(load)
        alerts.use(found.alerts)
        quiet.use(found.telegram.quiet_from, found.telegram.quiet_until)
        now = found.shown()
        changed = [
            f"[{section}] {key}"
            for section, values in now.items()
            for key, value in values.items()
            if before[section].get(key) != value
        ]
        live = {f"[alerts] {name}" for name in now["alerts"] if name not in ("webhook", "apprise")}
        live |= {"[telegram] quiet_from", "[telegram] quiet_until"}
        used = [name for name in changed if name in live]
        later = [name for name in changed if name not in live]
        said = [_("in use now: {names}", names=", ".join(used) or _("nothing new"))]
        return [*said, _("with a restart: {names}", names=", ".join(later))] if later else said

    return reread
