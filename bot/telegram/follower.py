"""A message about training that is kept up to date in place until the training ends."""

from __future__ import annotations

import asyncio
from typing import Final

from telegram.error import TelegramError

from bot.telegram.commands.models import training_text
from bot.telegram.sender import Sender
from bot.trading.ports import Training

EVERY_S: Final = 3.0
BEGIN_S: Final = 60.0  # a training that was asked for has begun by then, or already ended
LONGEST_S: Final = 24 * 3_600.0


class Follower:
    """Edits at most one message a chat; a newer one takes over from the older."""

    def __init__(self, sender: Sender, training: Training) -> None:
        self._sender = sender
        self._training = training
        self._followed: dict[int, int] = {}

    async def follow(self, chat_id: int, message_id: int) -> None:
        """Keep a message up to date until the training ends, the chat follows another, or a day has gone by."""
        self._followed[chat_id] = message_id
        told, begun = "", False
        for step in range(round(LONGEST_S / EVERY_S)):
            if self._followed.get(chat_id) != message_id:
                return
            progress = self._training.progress()
            is_idle = not progress.is_busy
            begun = begun or not is_idle or step * EVERY_S >= BEGIN_S
            if begun:
                told = await self._tell(chat_id, message_id, training_text(progress), told)
            if is_idle and begun:
                break
            await asyncio.sleep(EVERY_S)
        self._followed.pop(chat_id, None)

    async def _tell(self, chat_id: int, message_id: int, text: str, told: str) -> str:
        """Edit where the text has changed; a failed edit is made up for by the next."""
        if text == told:
            return told
        try:
            await self._sender.edit(chat_id, message_id, text)
        except TelegramError:
            return told
        return text
