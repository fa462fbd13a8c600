"""The Telegram side as one task of the daemon: polls, answers listed chats, asks before it changes anything.

Every answer is a task of its own in this object's group: a slow command holds up no other, and stopping waits for none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

import structlog
from telegram import Bot, BotCommand, CallbackQuery, MaybeInaccessibleMessage, Message, Update
from telegram.error import TelegramError

from bot.alerts.numbers import stamp
from bot.telegram.access import Access
from bot.telegram.chats import is_chat_id
from bot.telegram.confirmations import Confirmations
from bot.telegram.connection import described
from bot.telegram.context import Button, Change, Context, Question, Reply
from bot.telegram.follower import Follower
from bot.telegram.menu import HANDLERS, MENU
from bot.telegram.poller import Poller
from bot.telegram.sender import Sender
from bot.telegram.tables import bold, plain
from storage.config.services import TelegramSettings
from storage.language import LANGUAGES, N_, Language, _, speaking, translated
from storage.ledger.chats import Chat
from strategies.errors import SigmaError

STOP_S: Final = 1.0
EXPIRED: Final = N_("This question has expired or was answered; send the command again.")
TOO_FAST: Final = N_("Too many commands: this one was not answered. 30 a minute are.")
PAIRING_WORDS: Final = ("/pair", "/start")  # t.me/<bot>?start=<code> sends the second


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
        self._sender = Sender(bot, is_demo=context.control.exchange_info.is_demo)
        self._follower = Follower(self._sender, context.control.training)
        self._name = ""
        self.on_paired: Callable[[Chat], Awaitable[None]] | None = None  # told of a chat that is to get alerts too
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
        for chosen in LANGUAGES:
            with speaking(chosen):
                commands = [BotCommand(entry.name, _(entry.summary)) for entry in MENU]
            await self._bot.set_my_commands(commands, language_code=None if chosen == "en" else chosen)

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
            if chat is not None and await self._pairs(update.message, chat.id):
                return
            admission = self._access.admit(None if chat is None else chat.id)
            if chat is None or admission in ("foreign", "too_fast"):
                return
            with speaking(self._language(chat.id)):
                await self._answer_admitted(update, chat.id, is_warned=admission == "warned")
        except TelegramError as error:
            self._log.warning("answer not sent", error=described(error, self._token))
        except Exception:  # a task boundary: a broken answer must not end the daemon
            self._log.exception("command failed")

    async def _answer_admitted(self, update: Update, chat_id: int, *, is_warned: bool) -> None:
        if is_warned:
            await self._sender.say(chat_id, Reply(text=_(TOO_FAST)), topic=_topic(update.effective_message))
        elif update.callback_query is not None:
            await self._on_button(update.callback_query, chat_id)
        elif update.message is not None:
            await self._on_message(update.message, chat_id)

    async def _pairs(self, message: Message | None, chat_id: int) -> bool:
        """Serve the chat that brought the code; return whether it did."""
        context = self._context
        words = (message.text or "").split() if message is not None else []
        if context.pairing is None or context.chats is None or len(words) < 2 or words[0] not in PAIRING_WORDS:
            return False
        if not is_chat_id(chat_id) or not context.pairing.take(words[1]):
            return False
        chat = await context.chats.paired(chat_id, context.now_ms())
        await self._on_paired(chat)
        self._log.warning("a chat was paired", chat=chat_id)
        with speaking(self._language(chat_id)):
            reply = await self._reply("start", [], chat_id)
            said = _("This chat is paired: it is answered, and gets the alerts. /unpair leaves.")
            await self._say(chat_id, replace(reply, text=f"{said}\n{reply.text}"), _topic(message))
        return True

    def _language(self, chat_id: int) -> Language:
        return self._context.chats.language(chat_id) if self._context.chats else "en"

    async def _on_message(self, message: Message, chat_id: int) -> None:
        if message.migrate_to_chat_id is not None and self._context.chats is not None:
            await self._context.chats.moved(chat_id, message.migrate_to_chat_id)
            return
        text = (message.text or "").strip()
        if not text.startswith("/"):
            return
        command, *words = text[1:].split() or [""]
        name, _at, addressee = command.lower().partition("@")
        if addressee and addressee != self._name:
            return
        reply = await self._reply(name, words, chat_id)
        with speaking(self._language(chat_id)):  # which may have just been chosen
            await self._say(chat_id, reply, _topic(message))

    async def _reply(self, name: str, words: list[str], chat_id: int) -> Reply:
        handler = HANDLERS.get(name)
        if handler is None:
            return Reply(text=_("There is no /{name}. /help lists the commands.", name=plain(name[:32])))
        try:
            choice = self._context.choice
            context = self._context if choice is None else choice.of(chat_id)
            return await handler(Question(context=context, chat_id=chat_id, words=tuple(words)))
        except SigmaError as error:
            return Reply(text=plain(refusal(error)))

    async def _say(self, chat_id: int, reply: Reply, topic: int | None = None) -> None:
        if reply.change is not None:
            token = self._confirmations.ask(chat_id, reply.change)
            yes, no = Button(label=reply.change.label, data=f"do:{token}"), Button(label=_("No"), data=f"no:{token}")
            await self._sender.say(chat_id, Reply(text=bold(reply.change.question)), ((yes, no),), topic)
            return
        message_id = await self._sender.say(chat_id, reply, topic=topic)
        if reply.follows_training:
            await self._follower.follow(chat_id, message_id)

    async def _on_button(self, query: CallbackQuery, chat_id: int) -> None:
        kind, _colon, rest = (query.data or "").partition(":")
        topic = _topic(query.message)
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
            with speaking(self._language(chat_id)):
                await self._say(chat_id, reply, topic)

    async def _on_decision(
        self, query: CallbackQuery, kind: str, token: str, chat_id: int, message_id: int | None
    ) -> None:
        change = self._confirmations.take(token, chat_id)
        if change is None:
            await self._toast(query, _(EXPIRED))
            return
        await self._toast(query)
        asked = bold(change.question)
        if kind == "no":
            await self._rewrite(chat_id, message_id, f"{asked}\n{_('Not done.')}")
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
            return plain(_("Not done: {why}", why=refusal(error)))
        self._log.info("command done", chat=chat_id, command=change.label)
        return plain(_("Done: {what}.", what=done))

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

    async def _on_paired(self, chat: Chat) -> None:
        if self.on_paired is not None:
            await self.on_paired(chat)

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


def refusal(error: SigmaError) -> str:
    """Return a refusal in the language of the chat where all of it is known there; otherwise as it was raised."""
    return translated(str(error), wholly=True)


def _topic(message: MaybeInaccessibleMessage | None) -> int | None:
    """Return the topic in which somebody wrote; None: not in one."""
    is_in_topic = isinstance(message, Message) and bool(message.is_topic_message)
    return message.message_thread_id if is_in_topic and isinstance(message, Message) else None
