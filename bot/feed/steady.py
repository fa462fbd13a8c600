"""Steady time for ccxt: what it times by the machine's clock, timed by one that nobody can set.

Its rate limiter counts seconds of `time.time`, and the pause before it dials a socket again ends at one: a clock that
is set back by an hour would hold every request and every dial back for that hour. Its sockets count the time since the
last pong likewise: a clock that is set forward cuts every one of them off, and one that is set back finds no dead one.
`Steady` is a mixin of every client.
"""

from __future__ import annotations

from typing import Any

from ccxt import Exchange
from ccxt.async_support.base import throttler
from ccxt.async_support.base.ws.client import Client

from bot import clock


class Steady:
    """Mixin: requests are spaced by the steady clock; dials by the gate and the sockets alone."""

    def __init__(self, config: dict[str, Any]) -> None:
        throttler.time = _seconds
        Client.lastPong = _LastPong()
        super().__init__(config)  # type: ignore[call-arg]

    def ws_dial_delay(self, url: str) -> float:
        """Return 0: see `bot.feed.gate` and `bot.waiting`."""
        return 0.0


class _LastPong:
    """When a socket last heard a pong, whoever notes it and by whatever clock: as long ago as the steady clock says."""

    def __get__(self, client: Any, _kind: type | None = None) -> int | None:
        heard_ms = None if client is None else client.__dict__.get("heard_ms")
        return None if heard_ms is None else Exchange.milliseconds() - (clock.steady_ms() - heard_ms)

    def __set__(self, client: Any, noted_ms: int | None) -> None:
        client.__dict__["heard_ms"] = None if noted_ms is None else clock.steady_ms()


def _seconds() -> float:
    return clock.steady_ms() / 1000
