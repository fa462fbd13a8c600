"""Steady time for ccxt: what it times by the machine's clock, timed by one that nobody can set.

Its rate limiter counts seconds of `time.time`, and the pause before it dials a socket again ends at one: a clock that
is set back by an hour would hold every request and every dial back for that hour. `Steady` is a mixin of every client.
"""

from __future__ import annotations

from typing import Any

from ccxt.async_support.base import throttler

from bot import clock


class Steady:
    """Mixin: requests are spaced by the steady clock; dials by the gate and the sockets alone."""

    def __init__(self, config: dict[str, Any]) -> None:
        throttler.time = _seconds
        super().__init__(config)  # type: ignore[call-arg]

    def ws_dial_delay(self, url: str) -> float:
        """Return 0: see `bot.feed.gate` and `bot.waiting`."""
        return 0.0


def _seconds() -> float:
    return clock.steady_ms() / 1000
