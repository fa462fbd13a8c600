"""The Telegram side as one task of the daemon: polls, answers listed chats, asks before it changes anything.

Every answer is a task of its own in this object's group: a slow command holds up no other, and stopping waits for none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import structlog
from telegram import Bot, BotCommand, CallbackQuery, Message, Update
from telegram.error import TelegramError

from bot.alerts.messages import stamp
from bot.telegram.access import Access
from bot.telegram.confirmations import Confirmations
from bot.telegram.connection import described
from bot.telegram.context import Button, Change, Context, Question, Reply
from bot.telegram.follower import Follower
from bot.telegram.menu import HANDLERS, MENU
from bot.telegram.poller import Poller
from bot.telegram.sender import Sender
from bot.telegram.tables import bold, plain
from storage.config.services import TelegramSettings
from strategies.errors import SigmaError

STOP_S: Final = 1.0
EXPIRED: Final = "This question has expired or was answered; send the command again."
TOO_FAST: Final = "Too many commands; the next ones are ignored for a minute."


class TelegramBot:
    """Answers the listed chats until cancelled. Trading never waits for anything here."""

    def __init__(
        self, bot: Bot, settings: TelegramSettings, context: Context, access: Access, now_s: Callable[[], float]
    ) -> None:
        self._bot = bot
        self._token = settings.token.reveal()
        self._context = context
        self._access = access
        self._confirmations = Confirmations(now_s)
        self._poller = Poller(bot, settings, self._on_conflict)
        footer = "<i>demo market</i>" if context.control.exchange_info.is_demo else ""
        self._sender = Sender(bot, footer)
        self._follower = Follower(self._sender, context.control.training)
        self._name = ""
        self._log = structlog.get_logger("telegram")

    async def run(self) -> None:
        """Introduce the bot, then answer until cancelled."""
        try:
            async with asyncio.TaskGroup() as answers:
                await self._poller.until_it_works(self._introduce)
                async for update in self._poller.updates():
                    answers.create_task(self._answer(update), name="telegram-answer")
        finally:
            await self._disconnect()

    async def _introduce(self) -> None:
        await self._bot.initialize()
        self._name = (self._bot.username or "").lower()
        await self._bot.delete_webhook()
        await self._bot.set_my_commands([BotCommand(entry.name, entry.summary) for entry in MENU])

    async def _disconnect(self) -> None:
        try:
            async with asyncio.timeout(STOP_S):
                await self._bot.shutdown()
        except (TelegramError, TimeoutError, RuntimeError):
            self._log.debug("telegram connection left open")

    async def _answer(self, update: Update) -> None:
        """Answer one update; nothing that goes wrong here goes further."""
        chat = update.effective_chat
        try:
            admission = self._access.admit(None if chat is None else chat.id)
            if chat is None or admission in ("foreign", "too_fast"):
                return
            if admission == "warned":
                await self._sender.say(chat.id, Reply(text=TOO_FAST))
            elif update.callback_query is not None:
                await self._on_button(update.callback_query, chat.id)
            elif update.message is not None:
                await self._on_message(update.message, chat.id)
        except TelegramError as error:
            self._log.warning("answer not sent", error=described(error, self._token))
        except Exception:  # a task boundary: a broken answer must not end the daemon
            self._log.exception("command failed")

    async def _on_message(self, message: Message, chat_id: int) -> None:
        text = (message.text or "").strip()
        if not text.startswith("/"):
            return
        command, *words = text[1:].split()
        name, _, addressee = command.lower().partition("@")
        if addressee and addressee != self._name:
            return
        await self._say(chat_id, await self._reply(name, words, chat_id))

    async def _reply(self, name: str, words: list[str], chat_id: int) -> Reply:
        handler = HANDLERS.get(name)
        if handler is None:
            return Reply(text=f"There is no /{plain(name[:32])}. /help lists the commands.")
        try:
            return await handler(Question(context=self._context, chat_id=chat_id, words=tuple(words)))
        except SigmaError as error:
            return Reply(text=plain(str(error)))

    async def _say(self, chat_id: int, reply: Reply) -> None:
        if reply.change is not None:
            token = self._confirmations.ask(chat_id, reply.change)
            yes, no = Button(label=reply.change.label, data=f"do:{token}"), Button(label="No", data=f"no:{token}")
            await self._sender.say(chat_id, Reply(text=bold(reply.change.question)), ((yes, no),))
            return
        message_id = await self._sender.say(chat_id, reply)
        if reply.follows_training:
            await self._follower.follow(chat_id, message_id)

    async def _on_button(self, query: CallbackQuery, chat_id: int) -> None:
        kind, _, rest = (query.data or "").partition(":")
        message_id = query.message.message_id if query.message else None
        if kind in ("do", "no"):
            await self._on_decision(query, kind, rest, chat_id, message_id)
            return
        await self._toast(query)
        name, *words = rest.split() or [""]
        reply = await self._reply(name, words, chat_id)
        if kind == "show" and message_id is not None and reply.change is None:
            await self._sender.edit(chat_id, message_id, reply.text, reply.buttons)
        elif kind in ("run", "show"):
            await self._say(chat_id, reply)

    async def _on_decision(
        self, query: CallbackQuery, kind: str, token: str, chat_id: int, message_id: int | None
    ) -> None:
        change = self._confirmations.take(token, chat_id)
        if change is None:
            await self._toast(query, EXPIRED)
            return
        await self._toast(query)
        asked = bold(change.question)
        if kind == "no":
            await self._rewrite(chat_id, message_id, f"{asked}\nNot done.")
            return
        await self._rewrite(chat_id, message_id, f"{asked}\n…")
        said = await self._carry_out(change, chat_id)
        await self._rewrite(chat_id, message_id, f"{asked}\n{said}")
        if change.follows_training and message_id is not None:
            await self._follower.follow(chat_id, message_id)

    async def _carry_out(self, change: Change, chat_id: int) -> str:
        try:
            done = await change.run()
        except SigmaError as error:
            self._log.info("command refused", chat=chat_id, command=change.label, error=str(error))
            return plain(f"{str(error)[:1].upper()}{str(error)[1:]}")
        self._log.info("command done", chat=chat_id, command=change.label)
        return plain(f"Done: {done}.")

    async def _rewrite(self, chat_id: int, message_id: int | None, text: str) -> None:
        """Edit a message where that is possible: what was confirmed is done whether or not it can be said."""
        try:
            if message_id is None:
                await self._sender.say(chat_id, Reply(text=text))
            else:
                await self._sender.edit(chat_id, message_id, text)
        except TelegramError as error:
            self._log.warning("answer not sent", error=described(error, self._token))

    async def _toast(self, query: CallbackQuery, text: str | None = None) -> None:
        try:
            await query.answer(text)
        except TelegramError as error:
            self._log.debug("button not acknowledged", error=described(error, self._token))

    async def _on_conflict(self) -> None:
        now_ms = self._context.control.clock.now_ms()
        text = (
            "Another program polls with this bot's token (409 Conflict): commands may reach that one instead. "
            "Alerts go on. Stop the other program, or give this daemon a bot of its own."
        )
        self._log.error("another program polls with this token", at=stamp(now_ms))
        await self._context.alerts.note(
            "telegram", f"telegram-conflict:{self._context.now_ms()}", {"text": text}, now_ms
        )
