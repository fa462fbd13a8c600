"""Alerts to one chat: HTML, one message each or a burst in one, silent when they are set so or the chat is quiet."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from telegram import Bot
from telegram.constants import ParseMode
from telegram.error import TelegramError

from bot.alerts import messages as wording
from bot.telegram.connection import outcome
from bot.telegram.quiet import Quiet
from bot.telegram.tables import LONGEST_TEXT, fitted
from storage.ledger.outbox import Pending

LINES_LIMIT: Final = 3_200  # characters of a burst; escaping and the frame stay under Telegram's 4096
REPEAT: Final = "<i>(repeat)</i> "


class TelegramChannel:
    """Sends alerts to one chat.

    Args:
        bot: connected or not; every send tries by itself.
        chat_id: whose.
        token: to keep it out of error texts.
        quiet: whether the chat wants no sound now.
        is_demo: say with every alert that the market is generated.
    """

    collapses = True

    def __init__(self, bot: Bot, chat_id: int, token: str, quiet: Quiet, *, is_demo: bool) -> None:
        self.name = channel_name(chat_id)
        self._bot = bot
        self._chat_id = chat_id
        self._token = token
        self._quiet = quiet
        self._where = " · demo market" if is_demo else ""

    def fit(self, rows: Sequence[Pending]) -> int:
        """Return how many of the first rows go into one message."""
        return wording.collapsed(rows, LINES_LIMIT)[1]

    async def send(self, rows: Sequence[Pending], *, is_repeat: bool, is_silent: bool) -> None:
        """Send one message; see `Channel.send`."""
        text = self._single(rows[0]) if len(rows) == 1 else self._burst(rows)
        try:
            await self._bot.send_message(
                self._chat_id,
                REPEAT + text if is_repeat else text,
                parse_mode=ParseMode.HTML,
                disable_notification=is_silent or self._quiet.is_quiet(self.name),
            )
        except TelegramError as error:
            raise outcome(error, self._token) from error

    def _single(self, row: Pending) -> str:
        details = [escape(line, quote=False) for line in wording.details(row.event, row.payload)]
        head = f"<b>{escape(wording.headline(row.event, row.payload), quote=False)}</b>"
        foot = f"\n<i>{wording.stamp(row.ms)}{self._where}</i>"
        return fitted("\n".join([head, *details]), LONGEST_TEXT - len(foot) - len(REPEAT)) + foot

    def _burst(self, rows: Sequence[Pending]) -> str:
        lines, _ = wording.collapsed(rows, LINES_LIMIT)
        return f"<b>{wording.tally(rows)}</b>{self._where}\n<pre>{escape(chr(10).join(lines), quote=False)}</pre>"


def channel_name(chat_id: int) -> str:
    """Return the outbox's name of a chat."""
    return f"telegram:{chat_id}"
