"""The webhook channel: every alert as one signed JSON document, posted to an address of the user's.

    X-Sigma-Timestamp: 1735689600
    X-Sigma-Signature: sha256=<hex of HMAC-SHA256(secret, "<timestamp>." + body)>

The receiver recomputes the signature over the raw body, refuses old timestamps, and drops keys it has seen.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import Any, Final

import aiohttp
import orjson

from bot.alerts.channel import NotSent, Unanswered, Undeliverable
from storage.config.services import WebhookSettings
from storage.ledger.outbox import Pending

NEVER: Final = frozenset({400, 410, 413, 422})  # the receiver read it and will not have it
LONGEST_RETRY_S: Final = 3_600.0


class Webhook:
    """Posts alerts, one at a time.

    Args:
        settings: address, secret, time-out.
        origin: exchange, account and market name that stand in every document.
        now_ms: the wall clock, for the timestamp.

    Raises:
        BadInput: there is an address but no secret to sign with.
    """

    name = "webhook"
    collapses = False

    def __init__(self, settings: WebhookSettings, origin: dict[str, Any], now_ms: Callable[[], int]) -> None:
        settings.require_complete()
        self._settings = settings
        self._origin = origin
        self._now_ms = now_ms

    def fit(self, rows: Sequence[Pending]) -> int:
        """Return 1: programs want every alert by itself."""
        return 1

    async def send(self, rows: Sequence[Pending], *, is_repeat: bool, is_silent: bool) -> None:
        """Post one document per row; see `Channel.send`."""
        for row in rows:
            await self._post(_document(row, self._origin, is_repeat))

    async def _post(self, body: bytes) -> None:
        timestamp = str(self._now_ms() // 1000)
        headers = {
            "Content-Type": "application/json",
            "X-Sigma-Timestamp": timestamp,
            "X-Sigma-Signature": f"sha256={signature(self._settings.secret.reveal(), timestamp, body)}",
        }
        limit = aiohttp.ClientTimeout(total=self._settings.timeout_s)
        try:
            async with (
                aiohttp.ClientSession(timeout=limit) as session,
                session.post(self._settings.url, data=body, headers=headers, allow_redirects=False) as response,
            ):
                _judge(response.status, response.headers.get("Retry-After", ""))
        except aiohttp.ClientConnectorError as error:
            raise NotSent(f"webhook cannot be reached ({type(error).__name__})") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unanswered(f"webhook gave no answer ({type(error).__name__})") from error


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return the hex HMAC-SHA256 of a timestamp and a body."""
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def _document(row: Pending, origin: dict[str, Any], is_repeat: bool) -> bytes:
    document = {"key": row.key, "event": row.event, "ms": row.ms, "is_repeat": is_repeat, "payload": row.payload}
    return orjson.dumps(document | origin)


def _judge(status: int, retry_after: str) -> None:
    if 200 <= status < 300:
        return
    if status in NEVER:
        raise Undeliverable(f"webhook answered {status}")
    if status >= 500:
        raise Unanswered(f"webhook answered {status}")
    is_number = retry_after.isascii() and retry_after.isdecimal()
    seconds = float(retry_after) if is_number else None
    raise NotSent(f"webhook answered {status}", None if seconds is None else min(seconds, LONGEST_RETRY_S))
