"""The chats this bot serves: listed or paired, where each is now, in which topic, which language, which colours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Any, Final

import structlog

from bot.telegram.access import Access
from storage.config.services import TelegramSettings
from storage.language import Language
from storage.ledger.chats import Chat, Chats

Run = Callable[..., Awaitable[Any]]
CHAT_ID_BITS: Final = 52  # of a number that Telegram gives a chat, at most


def is_chat_id(number: object) -> bool:
    """Tell whether a chat can have this number; what an update says is not typed."""
    return isinstance(number, int) and not isinstance(number, bool) and 0 < abs(number) < 1 << CHAT_ID_BITS


class KnownChats:
    """Read on the event loop, written through to the database.

    Args:
        store: where it is remembered.
        settings: the listed chats, their topics, the default language.
        access: told who is let in and who is shut out.
        run: runs a query of the store off the loop.
    """

    def __init__(self, store: Chats, settings: TelegramSettings, access: Access, run: Run) -> None:
        self._store = store
        self._access = access
        self._run = run
        self._listed = settings.chat_ids
        self._language = settings.language
        self._topics = dict(settings.topic_of)
        self._chats: dict[int, Chat] = {}

    async def load(self) -> None:
        """Read what is remembered, and let in whoever is listed or paired."""
        found: dict[int, Chat] = await self._run(self._store.all)
        listed = {number: found.get(number) or Chat(chat_id=number, current_id=number) for number in self._listed}
        paired = {number: chat for number, chat in found.items() if chat.paired_ms is not None}
        self._chats = paired | listed
        for chat in self._chats.values():
            self._access.let_in(chat.chat_id)
            self._access.let_in(chat.current_id)

    def all(self) -> Iterable[Chat]:
        """Return every chat that is served."""
        return tuple(self._chats.values())

    def of(self, number: int) -> Chat:
        """Return a chat by the number it has or had."""
        named = self._chats.get(number)
        if named is not None:
            return named
        moved = (chat for chat in self._chats.values() if chat.current_id == number)
        return next(moved, Chat(chat_id=number, current_id=number))

    def language(self, number: int) -> Language:
        """Return the language a chat is spoken to in."""
        return self.of(number).language or self._language

    def topic(self, number: int) -> int | None:
        """Return the topic of a group that alerts go into; None: none."""
        return self._topics.get(number)

    async def moved(self, number: int, current_id: int) -> None:
        """A group became a supergroup and has another number now; one that is none moves nobody."""
        chat = self.of(number)
        if not is_chat_id(current_id):
            structlog.get_logger("telegram").warning("a group cannot have moved there", chat=chat.chat_id)
            return
        if chat.current_id == current_id or chat.chat_id not in self._chats:
            return
        structlog.get_logger("telegram").warning("a group has moved", chat=chat.chat_id, now=current_id)
        self._access.let_in(current_id)
        await self._keep(replace(chat, current_id=current_id))

    async def choose(self, number: int, **chosen: Any) -> None:
        """Remember what a chat wants: language, is_dark."""
        await self._keep(replace(self.of(number), **chosen))

    async def paired(self, number: int, now_ms: int) -> Chat:
        """Serve a chat that brought the code."""
        chat = Chat(chat_id=number, current_id=number, paired_ms=now_ms)
        self._access.let_in(number)
        await self._keep(chat)
        return chat

    async def left(self, number: int) -> bool:
        """Serve a chat no more; return False where the configuration lists it."""
        chat = self.of(number)
        if chat.chat_id in self._listed:
            return False
        self._chats.pop(chat.chat_id, None)
        self._access.shut_out(chat.chat_id)
        self._access.shut_out(chat.current_id)
        await self._run(self._store.forget, chat.chat_id)
        return True

    async def _keep(self, chat: Chat) -> None:
        self._chats[chat.chat_id] = chat
        await self._run(self._store.remember, chat)
