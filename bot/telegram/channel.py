"""Alerts to one chat: a card each or a burst in one, silent when they are set so or the chat is quiet.

An entry is one message: the signal's card becomes the fill's when the order is filled, and the exit answers to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from html import escape
from typing import Any, Final

from telegram import Bot, Message, ReplyParameters
from telegram.constants import ParseMode
from telegram.error import BadRequest, ChatMigrated, TelegramError

from bot.alerts import messages
from bot.telegram.cards import Card, Cards
from bot.telegram.chats import KnownChats
from bot.telegram.connection import is_closed_door, outcome
from bot.telegram.context import channel_name
from bot.telegram.links import Links, Said
from bot.telegram.quiet import Quiet
from bot.telegram.sender import LONGEST_CAPTION, keyboard
from bot.telegram.tables import LONGEST_TEXT, fitted
from storage.language import Language, _, speaking
from storage.ledger.outbox import Pending

LINES_LIMIT: Final = 3_200  # characters of a burst; escaping and the frame stay under Telegram's 4096
OPENED_BY: Final = frozenset({"signal", "reversed"})


class TelegramChannel:
    """Sends alerts to one chat.

    Args:
        bot: connected or not; every send tries by itself.
        chat_id: whose.
        quiet: whether the chat wants no sound now.
        is_demo: say with every alert that the market is generated.
        chats: where the chat is now, its topic and language; None: where it was, in English.
        cards: what is shown beside the words; None: nothing.
        links: which messages its trades stand in; None: none yet, and none are kept.
        account: said with every alert, where a daemon has several; "": it has one.
    """

    collapses = True

    def __init__(
        self,
        bot: Bot,
        chat_id: int,
        quiet: Quiet,
        *,
        is_demo: bool,
        chats: KnownChats | None = None,
        cards: Cards | None = None,
        links: Links | None = None,
        account: str = "",
    ) -> None:
        self.name = channel_name(chat_id)
        self._bot = bot
        self._chat_id = chat_id
        self._token = bot.token
        self._quiet = quiet
        self._is_demo = is_demo
        self._account = account
        self._chats = chats
        self._cards = cards
        self._links = links or Links()

    def fit(self, rows: Sequence[Pending]) -> int:
        """Return how many of the first rows go into one message."""
        with speaking(self._language):
            return messages.collapsed(rows, LINES_LIMIT)[1]

    async def send(self, rows: Sequence[Pending], *, is_repeat: bool, is_silent: bool) -> None:
        """Send one message; see `Channel.send`."""
        is_quiet = is_silent or self._quiet.is_quiet(self.name)
        with speaking(self._language):
            try:
                if len(rows) == 1:
                    await self._send_one(rows[0], is_repeat=is_repeat, is_quiet=is_quiet)
                else:
                    await self._say(self._burst(rows, is_repeat), Card(), is_quiet=is_quiet)
            except TelegramError as error:
                raise outcome(error, self._token) from error

    async def _send_one(self, row: Pending, *, is_repeat: bool, is_quiet: bool) -> None:
        card = Card()
        if self._cards is not None:
            is_dark = bool(self._chats and self._chats.of(self._chat_id).is_dark)
            card = await asyncio.to_thread(self._cards.card, row.event, row.payload, is_dark=is_dark)
        text = self._single(row, card, is_repeat)
        before = self._signal_of(row)
        if before is not None and is_quiet and await self._becomes(before, text, card):
            await self._remember(row, before)
            return
        answers = self._links.entry_of(str(row.payload.get("trade")))
        said = await self._say(text, card, is_quiet=is_quiet, answers=answers)
        await self._remember(row, Said(chat_id=said.chat_id, message_id=said.message_id, has_photo=bool(said.photo)))
        if before is not None:
            await self._drop(before)

    async def _say(self, text: str, card: Card, *, is_quiet: bool, answers: int | None = None) -> Message:
        """Send to where the chat is now; a group that has moved is followed, a picture that is refused left out."""
        options: dict[str, Any] = {
            "parse_mode": ParseMode.HTML,
            "disable_notification": is_quiet,
            "reply_markup": keyboard(card.buttons),
            "message_thread_id": self._chats.topic(self._chat_id) if self._chats else None,
        }
        if answers is not None:
            options["reply_parameters"] = ReplyParameters(answers, allow_sending_without_reply=True)
        try:
            return await self._sent(text, card.picture, options)
        except ChatMigrated as error:
            if self._chats is None:
                raise
            await self._chats.moved(self._chat_id, error.new_chat_id)
            return await self._sent(text, None, options | {"reply_parameters": None})
        except BadRequest as error:
            if card.picture is None or is_closed_door(str(error)):
                raise
            return await self._sent(text, None, options)

    async def _sent(self, text: str, picture: bytes | None, options: dict[str, Any]) -> Message:
        where = self._chats.of(self._chat_id).current_id if self._chats else self._chat_id
        if picture is not None and len(text) <= LONGEST_CAPTION:
            return await self._bot.send_photo(where, picture, caption=text, **options)
        return await self._bot.send_message(where, text, **options)

    async def _becomes(self, said: Said, text: str, card: Card) -> bool:
        """Make the signal's card the entry's; return whether that was possible."""
        options: dict[str, Any] = {"parse_mode": ParseMode.HTML, "reply_markup": keyboard(card.buttons)}
        try:
            if said.has_photo and len(text) <= LONGEST_CAPTION:
                await self._bot.edit_message_caption(said.chat_id, said.message_id, caption=text, **options)
            elif not said.has_photo:
                await self._bot.edit_message_text(text, said.chat_id, said.message_id, **options)
            else:
                return False
        except BadRequest:  # it was deleted, or is too old to be changed
            return False
        return True

    async def _drop(self, said: Said) -> None:
        try:
            await self._bot.delete_message(said.chat_id, said.message_id)
        except TelegramError:
            return  # two messages about one entry are better than none

    def _signal_of(self, row: Pending) -> Said | None:
        """Return the card of the signal that this fill carries out."""
        if row.event != "fills" or row.payload.get("reason") not in OPENED_BY:
            return None
        return self._links.take_signal(str(row.payload.get("symbol")))

    async def _remember(self, row: Pending, said: Said) -> None:
        if row.event == "signals" and "signal" in row.payload:
            self._links.signal(str(row.payload["symbol"]), said)
        elif row.event == "fills" and row.payload.get("trade"):
            self._links.entry(str(row.payload["trade"]), said)
        else:
            return
        await asyncio.to_thread(self._links.write)

    @property
    def _language(self) -> Language:
        return self._chats.language(self._chat_id) if self._chats else "en"

    def _where(self) -> str:
        where = " · " + _("demo market") if self._is_demo else ""
        return f" · {self._account}{where}" if self._account else where

    def _single(self, row: Pending, card: Card, is_repeat: bool) -> str:
        lines = [line for line in (*messages.details(row.event, row.payload), *card.lines) if line]
        words = escape(messages.headline(row.event, row.payload), quote=False)
        head = f"{_repeat(is_repeat)}{messages.icon(row.event, row.payload)} <b>{words}</b>"
        foot = f"\n<i>{messages.stamp(row.ms)}{self._where()}</i>"
        limit = LONGEST_CAPTION if card.picture is not None else LONGEST_TEXT
        body = "\n".join([head, *(escape(line, quote=False) for line in lines)])
        return fitted(body, limit - len(foot)) + foot

    def _burst(self, rows: Sequence[Pending], is_repeat: bool) -> str:
        lines, _count = messages.collapsed(rows, LINES_LIMIT)
        told = escape("\n".join(lines), quote=False)
        return f"{_repeat(is_repeat)}<b>{messages.tally(rows)}</b>{self._where()}\n{told}"


def _repeat(is_repeat: bool) -> str:
    return f"<i>{_('(repeat)')}</i> " if is_repeat else ""


__all__ = ["TelegramChannel", "channel_name"]
