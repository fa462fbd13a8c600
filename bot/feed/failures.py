"""What can go wrong between us and an exchange, in our own words.

ccxt's exceptions stop here: `translate` names the cause, says what would help, and tells how long to wait.
"""

from __future__ import annotations

from collections.abc import Mapping

import ccxt

from strategies.errors import BadInput, ExchangeFailed

GEO_BLOCKED = (403, 451)
THROTTLED = (418, 429)
LONGEST_RETRY_AFTER_S = 600.0
ALTERNATIVES = ("bybit", "okx", "kraken", "bitget", "binanceusdm")


class GeoBlocked(ExchangeFailed):
    """The exchange refuses this place (HTTP 403 or 451); waiting does not help."""


class Throttled(ExchangeFailed):
    """Too many requests (HTTP 418 or 429); nothing may be asked before `retry_after_s` is over."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NoSuchMarket(BadInput):
    """The exchange does not trade this market."""


def translate(
    error: Exception, *, exchange: str, status: int, headers: Mapping[str, str]
) -> ExchangeFailed | NoSuchMarket:
    """Return our error for one raised by ccxt; the caller raises it `from error`.

    Args:
        error: what ccxt raised.
        exchange: the name in config.toml.
        status: HTTP status of the last answer, 0 when there was none.
        headers: of the last answer.
    """
    if status in GEO_BLOCKED:
        others = ", ".join(name for name in ALTERNATIVES if name != exchange)
        return GeoBlocked(
            f"{exchange} refuses connections from this place (HTTP {status}); "
            f"set exchange.name to another one, for example {others}"
        )
    if status in THROTTLED or isinstance(error, ccxt.DDoSProtection):
        wait_s = retry_after(headers)
        return Throttled(f"{exchange} asks us to slow down (HTTP {status}); next request in {wait_s:.0f} s", wait_s)
    if isinstance(error, ccxt.BadSymbol):
        return NoSuchMarket(f"{exchange} does not know the market: {_short(error)}")
    if isinstance(error, ccxt.RequestTimeout):
        return ExchangeFailed(f"{exchange} did not answer in time: {_short(error)}")
    if isinstance(error, ccxt.NetworkError):
        return ExchangeFailed(f"{exchange} cannot be reached: {_short(error)}")
    return ExchangeFailed(f"{exchange} answered with an error: {_short(error)}")


def retry_after(headers: Mapping[str, str], default_s: float = 5.0) -> float:
    """Return the seconds of a Retry-After header, bounded; `default_s` where it is absent or a date."""
    text = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    try:
        return min(max(float(text), 0.0), LONGEST_RETRY_AFTER_S)
    except ValueError:
        return default_s


def _short(error: Exception, limit: int = 200) -> str:
    text = " ".join(str(error).split())
    return (text if len(text) <= limit else text[:limit] + "…") or type(error).__name__
