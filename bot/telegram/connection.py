"""The connection to the Bot API: how it is built, and what its failures mean for what was sent.

Errors never carry the token: they end up in logs and in the ledger's deliveries.
"""

from __future__ import annotations

import re
import warnings
from datetime import timedelta
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from telegram import Bot
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, RetryAfter, TelegramError
from telegram.request import HTTPXRequest
from telegram.warnings import PTBDeprecationWarning

from bot.alerts.channel import NotSent, Unanswered, Undeliverable
from storage.config.secret import MASK
from storage.config.services import TelegramSettings

CONNECTIONS: Final = 16
LONGEST_FLOOD_S: Final = 3_600.0  # a longer wait is asked about again: a ban that is told in error must not last
CLOSED_DOOR_S: Final = 300.0  # between attempts that only a person can help: bot blocked, token refused, chat moved
_OF_THE_CHAT: Final = re.compile(
    r"access|admin|allowed|banned|block|channel|chat|closed|deactivated|deleted|flood|forbidden|forum|group|kicked|"
    r"later|\blimit|member|migrated|participant|peer|permission|premium|private|restrict|right|slow ?mode|suspended|"
    r"thread|topic|try again|upgraded|\busers?\b|wait"
)
_OF_THE_MESSAGE: Final = re.compile(r"parse|entit|empty|too long|button|url")
_NEVER_LEFT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


def connect(settings: TelegramSettings, *, timeout_s: float = 10.0) -> Bot:
    """Return a bot that has asked nothing yet."""
    warnings.filterwarnings("ignore", ".*retry_after.*", PTBDeprecationWarning)  # the library's own use of it
    options: dict[str, Any] = {"connect_timeout": timeout_s, "read_timeout": timeout_s, "write_timeout": timeout_s}
    if is_loopback(settings.base_url):  # a Bot API server of one's own: no proxy is shown the token
        options["httpx_kwargs"] = {"trust_env": False}
    return Bot(
        settings.token.reveal(),
        base_url=f"{settings.base_url}/bot",
        base_file_url=f"{settings.base_url}/file/bot",
        request=HTTPXRequest(connection_pool_size=CONNECTIONS, pool_timeout=timeout_s, **options),
        get_updates_request=HTTPXRequest(connection_pool_size=2, **options),
    )


def is_loopback(url: str) -> bool:
    """Return whether an address is this machine's own."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def outcome(error: TelegramError, token: str) -> NotSent | Unanswered | Undeliverable:
    """Return what an error of a send means: not sent, perhaps sent, or never to be sent.

    A refusal that is about the chat (rights, topics, members, the chat itself) passes when a person mends it: nothing
    is dropped for it. Only what Telegram will not have about the message itself is given up.
    """
    text = described(error, token)
    match error:
        case RetryAfter():
            return NotSent(text, seconds(error))
        case Forbidden() | InvalidToken() | ChatMigrated():
            return NotSent(text, CLOSED_DOOR_S)
        case BadRequest() if is_closed_door(str(error)):
            return NotSent(text, CLOSED_DOOR_S)
        case BadRequest():
            return Undeliverable(text)
    if isinstance(error.__cause__, _NEVER_LEFT):
        return NotSent(text)
    return Unanswered(text)


def is_closed_door(refusal: str) -> bool:
    """Return whether a refusal is about the chat and may pass, not about the message."""
    words = refusal.lower().replace("_", " ")
    return bool(_OF_THE_CHAT.search(words)) and not _OF_THE_MESSAGE.search(words)


def seconds(error: RetryAfter) -> float:
    """Return how long to wait because Telegram asks for it, an hour at most."""
    wait: timedelta = error._retry_after  # the public name warns unless the caller chose its type by environment
    return min(max(wait.total_seconds(), 0.0), LONGEST_FLOOD_S)


def described(error: Exception, token: str) -> str:
    """Return an error in one line without the token."""
    return f"{type(error).__name__}: {error}".replace(token, MASK) if token else type(error).__name__
