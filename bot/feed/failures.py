"""Exchange failures: what can go wrong between us and an exchange, in our own words.

ccxt's exceptions stop here: `translate` names the cause, says what would help, and tells how long to wait.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

import ccxt
from aiohttp import WSServerHandshakeError

from bot.clock import wall_ms
from strategies.errors import BadInput, ExchangeFailed

GEO_BLOCKED = 451
FORBIDDEN = 403
FORBIDDEN_PLACE = re.compile(
    r"restricted (location|region|country)|eligibility|not available in your|block(ed)?.{0,40}country", re.I
)
BAN, TOO_MANY = 418, 429
THROTTLED = (BAN, TOO_MANY)
LONGEST_RETRY_AFTER_S = 7 * 86_400.0  # bans last minutes to days; a longer header is a mistake
SHORTEST_BAN_S = 120.0  # Binance: two minutes to three days
DEFAULT_RETRY_AFTER_S = 5.0
BANNED_UNTIL = re.compile(r"(?:banned|blocked|restricted|retry)[^0-9]{0,40}?(\d{13}|\d{10})\b", re.I)
MALFORMED = (TypeError, LookupError, ValueError, AttributeError, ArithmeticError)  # what ccxt raises on nonsense
ALTERNATIVES = ("bybit", "okx", "kraken", "bitget", "binanceusdm")


class GeoBlocked(ExchangeFailed):
    """The exchange refuses this place (HTTP 451, or 403 with words that say so); waiting does not help."""


class Throttled(ExchangeFailed):
    """Too many requests (HTTP 418 or 429); nothing may be asked before `retry_after_s` is over."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NoSuchMarket(BadInput):
    """The exchange does not trade this market."""


def translate(
    error: Exception,
    *,
    exchange: str,
    status: int,
    headers: Mapping[str, str],
    body: str = "",
    now_ms: int | None = None,
) -> ExchangeFailed | NoSuchMarket:
    """Return our error for one raised by ccxt; the caller raises it `from error`.

    Args:
        error: what ccxt raised.
        exchange: the name in config.toml.
        status: HTTP status of the last answer, 0 when there was none.
        headers: of the last answer.
        body: of the last answer, as far as it is known.
        now_ms: the exchange's time, for bans that state their end and come without a date; None: the machine's.
    """
    text = f"{error} {body}"
    if status == GEO_BLOCKED or (status == FORBIDDEN and FORBIDDEN_PLACE.search(text)):
        others = ", ".join(name for name in ALTERNATIVES if name != exchange)
        return GeoBlocked(
            f"{exchange} refuses connections from this place (HTTP {status}); "
            f"set exchange.name to another one, for example {others}"
        )
    if status in THROTTLED or isinstance(error, ccxt.DDoSProtection):
        wait_s = _wait_s(status, headers, text, _said_ms(headers, now_ms))
        return Throttled(f"{exchange} asks us to slow down (HTTP {status}); next request in {wait_s:,.0f} s", wait_s)
    if status == FORBIDDEN:
        return ExchangeFailed(f"{exchange} or a firewall before it refused the request (HTTP 403): {_short(error)}")
    if isinstance(error, ccxt.BadSymbol):
        return NoSuchMarket(f"{exchange} does not know the market: {_short(error)}")
    if isinstance(error, ccxt.RequestTimeout):
        return ExchangeFailed(f"{exchange} did not answer in time: {_short(error)}")
    if isinstance(error, ccxt.NetworkError):
        return ExchangeFailed(f"{exchange} cannot be reached: {_short(error)}")
    return ExchangeFailed(f"{exchange} answered with an error: {_short(error)}")


def refused_dial(error: Exception, exchange: str) -> ExchangeFailed | NoSuchMarket:
    """Return our error for a socket that was lost or never opened; a refused handshake says why."""
    answer = next((part for part in error.args if isinstance(part, WSServerHandshakeError)), None)
    if answer is None:
        return translate(error, exchange=exchange, status=0, headers={})
    headers = {str(name): str(value) for name, value in (answer.headers or {}).items()}
    return translate(error, exchange=exchange, status=answer.status, headers=headers)


def retry_after(
    headers: Mapping[str, str], default_s: float = DEFAULT_RETRY_AFTER_S, now_ms: int | None = None
) -> float:
    """Return the seconds that a Retry-After header asks for, as a number or a date; `default_s` where it says none."""
    text = next((str(value) for name, value in headers.items() if name.lower() == "retry-after"), "")
    try:
        wait_s = float(text)
    except ValueError:
        try:
            said_s = _said_ms(headers, now_ms) / 1000
            wait_s = max(_timestamp_s(text) - said_s, default_s)
        except (ValueError, TypeError, OverflowError):
            return default_s
    return min(wait_s, LONGEST_RETRY_AFTER_S) if 0 < wait_s < math.inf else default_s


def _wait_s(status: int, headers: Mapping[str, str], text: str, now_ms: int) -> float:
    """Return how long to ask nothing: the longest that header and body say; a silent ban lasts a while."""
    shortest_s = SHORTEST_BAN_S if status == BAN else DEFAULT_RETRY_AFTER_S
    stated = BANNED_UNTIL.search(text)
    if stated is None:
        return retry_after(headers, shortest_s, now_ms)
    until_ms = int(stated[1]) * (1 if len(stated[1]) == 13 else 1000)
    left_s = min((until_ms - now_ms) / 1000, LONGEST_RETRY_AFTER_S)
    return max(left_s, retry_after(headers, 0.0, now_ms), shortest_s)


def _said_ms(headers: Mapping[str, str], now_ms: int | None) -> int:
    """Return when an answer was given: as it says itself, whatever this machine's clock is set to."""
    date = next((str(value) for name, value in headers.items() if name.lower() == "date"), "")
    try:
        return round(_timestamp_s(date) * 1000)
    except (ValueError, TypeError, OverflowError):
        return wall_ms() if now_ms is None else now_ms


def _timestamp_s(date: str) -> float:
    """Return the Unix time of a header's date; one that names no zone is of Greenwich, as all of HTTP is."""
    found = parsedate_to_datetime(date)
    return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()


def _short(error: Exception, limit: int = 200) -> str:
    text = " ".join(str(error).split())
    return (text if len(text) <= limit else text[:limit] + "…") or type(error).__name__
