"""Long polling: updates one by one, each once, through outages and another poller's conflict.

The library's own updater is not used: it hides a refused token, and its stop waits for the network.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, TypeGuard

import structlog
from telegram import Bot, Update
from telegram.error import Conflict, InvalidToken, NetworkError, RetryAfter, TelegramError

from bot.telegram.connection import CLOSED_DOOR_S, described, seconds
from bot.waiting import Backoff, Outage
from storage.config.services import TelegramSettings

FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 30.0
CONFLICT_WAIT_S: Final = 10.0
UPDATES: Final = ["message", "callback_query"]
NUMBERS_END: Final = (
    2**53
)  # Telegram's own end far below; behind it a question with the next number is refused for ever


class Poller:
    """Asks for updates until cancelled.

    Args:
        bot: asked.
        settings: token and how long a poll may take.
        on_conflict: told once, when another program polls with the same token.
        sleep: real seconds.
    """

    def __init__(
        self,
        bot: Bot,
        settings: TelegramSettings,
        on_conflict: Callable[[], Awaitable[None]],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._bot = bot
        self._token = settings.token.reveal()
        self._timeout_s = max(1, round(settings.poll_timeout_s))
        self._on_conflict = on_conflict
        self._sleep = sleep
        self._backoff = Backoff(first_s=FIRST_WAIT_S, longest_s=LONGEST_WAIT_S, jitter=0)
        self._outage = Outage("asking telegram for commands", logger="telegram")
        self._is_conflict_told = False
        self._log = structlog.get_logger("telegram")

    async def updates(self) -> AsyncIterator[Update]:
        """Yield updates in their order; an update is confirmed to Telegram once the next ones are asked for."""
        offset: int | None = None
        while True:
            try:
                found = await self._bot.get_updates(offset=offset, timeout=self._timeout_s, allowed_updates=UPDATES)
            except TelegramError as error:
                await self._wait_after(error)
                continue
            except Exception as error:  # a task boundary: an answer that the library cannot read
                self._log.warning("telegram's answer is unreadable", error=_text_of(error))
                read = await self._one_by_one(offset)
            else:
                read = (offset, found)
                if not found:  # all before is confirmed; a number that was spoilt on its way must not make us deaf
                    read = (None, ())
                elif not all(_is_number(update.update_id) for update in found):
                    self._log.warning("telegram's answer is unreadable", error="a number of an update is none")
                    read = await self._one_by_one(offset)
            if read is None:
                continue
            offset, found = read
            self._recover()
            for update in found:
                offset = update.update_id + 1
                if is_sound(update):
                    yield update
                else:
                    self._log.warning("an update is not what it should be and is passed over", update=update.update_id)

    async def _one_by_one(self, offset: int | None) -> tuple[int | None, tuple[Update, ...]] | None:
        """Ask again and read every update by itself; return the offset behind them, and those that can be read.

        None: there was no answer that anybody could read, and it has been waited.

        One that cannot be read would be handed over for ever, and no command behind it would come.
        """
        given: dict[str, Any] = {"timeout": 1, "allowed_updates": UPDATES}
        if offset is not None:
            given["offset"] = offset
        try:
            with warnings.catch_warnings(action="ignore"):  # that there is a method for it, which could not read it
                raw: Any = await self._bot.do_api_request("getUpdates", api_kwargs=given)
        except TelegramError as error:
            await self._wait_after(error)
            return None
        except Exception as error:  # a task boundary: as above, now of the answer as a whole
            await self._wait_after(NetworkError(f"its answer is unreadable ({_text_of(error)})"))
            return None
        rows = raw if isinstance(raw, list) else []
        found = [update for row in rows if (update := self._read(row)) is not None]
        known = [number for row in rows if (number := _number(row)) is not None]
        if not known:
            await self._sleep(LONGEST_WAIT_S if rows or raw != [] else 1.0)
            return offset, ()
        if not found or max(known) > found[-1].update_id:
            offset = max(known) + 1
        return offset, tuple(found)

    def _read(self, row: object) -> Update | None:
        number = _number(row)
        if number is None or not isinstance(row, dict):
            return None
        try:
            return Update.de_json(row, self._bot)
        except Exception as error:  # a task boundary: whatever the library makes of a shape it does not know
            self._log.warning("an update was not understood, passed over", update=number, error=_text_of(error))
            return None

    async def until_it_works(self, ask: Callable[[], Awaitable[object]]) -> None:
        """Repeat a request until Telegram takes it."""
        while True:
            try:
                await ask()
            except TelegramError as error:
                await self._wait_after(error)
            except Exception as error:  # a task boundary: an answer that the library cannot read
                self._log.warning("telegram's answer is unreadable", error=_text_of(error))
                await self._sleep(LONGEST_WAIT_S)
            else:
                self._recover()
                return

    async def _wait_after(self, error: TelegramError) -> None:
        is_conflict = isinstance(error, Conflict)
        if not (is_conflict and self._is_conflict_told):
            self._outage.begin(described(error, self._token))
        if is_conflict and not self._is_conflict_told:
            self._is_conflict_told = True
            await self._on_conflict()
        await self._sleep(self._wait_s(error))

    def _wait_s(self, error: TelegramError) -> float:
        delay_s = self._backoff.next_s()
        match error:
            case RetryAfter():
                return seconds(error)
            case InvalidToken():
                return CLOSED_DOOR_S
            case Conflict():
                return CONFLICT_WAIT_S
        return delay_s

    def _recover(self) -> None:
        self._outage.end()
        self._backoff.reset()


def is_sound(update: Update) -> bool:
    """Tell whether what we look at has the kinds it should have; the library takes whatever it is given."""
    message, query, chat = update.message, update.callback_query, update.effective_chat
    numbers: list[object] = [update.update_id]
    optional: list[object] = []
    texts: list[object] = []
    if chat is not None:
        numbers.append(chat.id)
    if message is not None:
        numbers.append(message.message_id)
        optional += [message.message_thread_id, message.migrate_to_chat_id]
        texts.append(message.text)
    if query is not None:
        texts += [query.id, query.data]
        numbers += [] if query.message is None else [query.message.message_id]
    return (
        all(type(number) is int for number in numbers)
        and all(number is None or type(number) is int for number in optional)
        and all(text is None or isinstance(text, str) for text in texts)
    )


def _text_of(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]


def _number(row: object) -> int | None:
    number = row.get("update_id") if isinstance(row, dict) else None
    return number if _is_number(number) else None


def _is_number(number: object) -> TypeGuard[int]:
    return type(number) is int and 0 <= number < NUMBERS_END
