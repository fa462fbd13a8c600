"""Command context: what commands are answered from, a question, a reply, a change that needs a yes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bot.alerts.alerts import Alerts
from bot.telegram.account_choice import AccountChoice
from bot.telegram.chats import KnownChats
from bot.telegram.pairing import Pairing
from bot.telegram.quiet import Quiet
from bot.trading.control import Control
from storage.language import _
from strategies.errors import BadInput

NAMED: Final = 3  # markets that a refusal names


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Where answers come from.

    Attributes:
        control: questions and commands, through the one interface.
        alerts: the outbox and its deliveries.
        quiet: mutes and quiet hours.
        settings: the effective configuration, secrets masked.
        started_ms: wall clock.
        now_ms: the wall clock.
        refused: how many updates were ignored so far, by reason.
        chats: who is served, and what each wants; None: nothing is remembered.
        pairing: makes codes that let another chat in; None: none are made.
        log_file: what `/logs` shows the end of; None: nothing.
        choice: which of several accounts a chat asks about; None: there is one.
        reread: reads the configuration again and puts to work what can be; returns it in lines. None: it cannot.
    """

    control: Control
    alerts: Alerts
    quiet: Quiet
    settings: Mapping[str, Any]
    started_ms: int
    now_ms: Callable[[], int]
    refused: Mapping[str, int]
    chats: KnownChats | None = None
    pairing: Pairing | None = None
    log_file: Path | None = None
    reread: Callable[[], Awaitable[list[str]]] | None = None
    choice: AccountChoice | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """An inline button. `data`: "run:<command line>" says something new, "show:<command line>" edits in place."""

    label: str
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something that changes state: done only after a person said yes to `question`.

    `run` returns what came of it, in words; `follows_training` keeps the message up to date while a training goes on.
    """

    label: str
    question: str
    run: Callable[[], Awaitable[str]]
    follows_training: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer: HTML, perhaps with buttons, a picture (PNG), a file, or a change to be confirmed.

    `keys` are the rows of a keyboard that stays below the chat.
    """

    text: str
    buttons: tuple[tuple[Button, ...], ...] = ()
    picture: bytes | None = None
    document: tuple[str, bytes] | None = None
    change: Change | None = None
    follows_training: bool = False
    keys: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A command of a chat: its words after the name."""

    context: Context
    chat_id: int
    words: tuple[str, ...] = field(default=())

    @property
    def control(self) -> Control:
        return self.context.control

    @property
    def by(self) -> str:
        """Who asks, as the ledger records it."""
        return f"telegram:{self.chat_id}"

    @property
    def channel(self) -> str:
        """The outbox's name of this chat, which it keeps wherever it moves."""
        chats = self.context.chats
        return channel_name(chats.of(self.chat_id).chat_id if chats else self.chat_id)

    def number(self, default: int, most: int) -> int:
        """Return the first whole number among the words, `default` without one.

        Raises:
            BadInput: it is not between 1 and `most`.
        """
        found = next((int(word) for word in self.words if word.isdecimal()), default)
        if not 1 <= found <= most:
            raise BadInput(_("found {found}; a number from 1 to {most} is needed", found=found, most=most))
        return found

    def symbol(self) -> str | None:
        """Return the first market named among the words, None without one.

        Raises:
            BadInput: a word is neither a number nor a market of this account.
        """
        names = [word for word in self.words if not word.isdecimal()]
        if not names:
            return None
        try:
            return self.control.market(names[0]).symbol
        except BadInput as error:
            known = ", ".join(market.symbol for market in self.control.members[:NAMED])
            raise BadInput(
                _("{name} is not traded here; {known} and others in /markets are", name=names[0], known=known)
            ) from error


def channel_name(chat_id: int) -> str:
    """Return the outbox's name of a chat."""
    return f"telegram:{chat_id}"


Handler = Callable[[Question], Awaitable[Reply]]
