"""Sender of replies: text, pictures and files to a chat, edits in place; flood control obeyed, lengths kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, InputFile, ReplyKeyboardMarkup
from telegram.constants import ParseMode
from telegram.error import BadRequest, RetryAfter

from bot.telegram.connection import seconds
from bot.telegram.context import Button, Reply
from bot.telegram.tables import LONGEST_TEXT, fitted
from storage.language import _

LONGEST_CAPTION: Final = 1_024
TRIES: Final = 3
LONGEST_WAIT_S: Final = 60.0

Rows = Sequence[Sequence[Button]]


class Sender:
    """Says replies. On a demo market every one of them ends with its name."""

    def __init__(self, bot: Bot, *, is_demo: bool) -> None:
        self._bot = bot
        self._is_demo = is_demo

    async def say(self, chat_id: int, reply: Reply, buttons: Rows = (), topic: int | None = None) -> int:
        """Send a reply and return the id of its message.

        Args:
            chat_id: to whom.
            reply: what.
            buttons: instead of the reply's own.
            topic: of a group, where the question was asked.

        Raises:
            TelegramError: it could not be sent.
        """
        markup = _keys(reply.keys) if reply.keys else keyboard(buttons or reply.buttons)
        common: dict[str, Any] = {"chat_id": chat_id, "parse_mode": ParseMode.HTML, "reply_markup": markup}
        common["message_thread_id"] = topic
        if reply.picture is not None:
            picture, caption = reply.picture, self._text(reply.text, LONGEST_CAPTION)
            sent = await _patiently(lambda: self._bot.send_photo(photo=picture, caption=caption, **common))
        elif reply.document is not None:
            name, content = reply.document
            caption = self._text(reply.text, LONGEST_CAPTION)
            sent = await _patiently(
                lambda: self._bot.send_document(document=InputFile(content, name), caption=caption, **common)
            )
        else:
            sent = await _patiently(lambda: self._bot.send_message(text=self._text(reply.text), **common))
        return int(sent.message_id)

    async def edit(self, chat_id: int, message_id: int, text: str, buttons: Rows = ()) -> None:
        """Replace the text and the buttons of a message; one that reads so already is left alone.

        Raises:
            TelegramError: it could not be changed.
        """
        try:
            await _patiently(
                lambda: self._bot.edit_message_text(
                    text=self._text(text),
                    chat_id=chat_id,
                    message_id=message_id,
                    parse_mode=ParseMode.HTML,
                    reply_markup=keyboard(buttons),
                )
            )
        except BadRequest as error:
            if "not modified" not in str(error):
                raise

    def _text(self, text: str, limit: int = LONGEST_TEXT) -> str:
        footer = f"\n<i>{_('demo market')}</i>" if self._is_demo else ""
        return fitted(text, limit - len(footer)) + footer


def keyboard(rows: Rows) -> InlineKeyboardMarkup | None:
    """Return the buttons below a message; None: there are none."""
    found = [[InlineKeyboardButton(part.label, callback_data=part.data) for part in row] for row in rows if row]
    return InlineKeyboardMarkup(found) if found else None


async def _patiently(send: Callable[[], Awaitable[Any]]) -> Any:
    """Send, waiting as long as flood control asks, a few times."""
    for _try in range(TRIES - 1):
        try:
            return await send()
        except RetryAfter as error:
            await asyncio.sleep(min(seconds(error), LONGEST_WAIT_S))
    return await send()


def _keys(rows: Sequence[Sequence[str]]) -> ReplyKeyboardMarkup:
    return ReplyKeyboardMarkup(rows, resize_keyboard=True, is_persistent=True)
