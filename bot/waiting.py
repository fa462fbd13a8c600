"""Backoff and outages: how long to wait before the next attempt, and a line when a failure begins and when it ends.

Always in wall seconds, whatever the market's speed: a market clock may be held until somebody listens, and a reconnect
that waited on it would wait for ever.
"""

from __future__ import annotations

import asyncio
import random
from typing import Final

import structlog

MOST_DOUBLINGS: Final = 20


def elapsed_s() -> float:
    """Return seconds of the event loop's own monotonic time; for durations only."""
    return asyncio.get_running_loop().time()


class Backoff:
    """Delays that double from `first_s` to `longest_s`, each shortened at random by up to `jitter` of it."""

    def __init__(
        self,
        *,
        first_s: float = 0.2,
        longest_s: float = 30.0,
        jitter: float = 0.5,
        rng: random.Random | None = None,
    ) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._jitter = jitter
        self._rng = rng or random.Random()
        self._failures = 0

    def next_s(self) -> float:
        """Return the next delay, in wall seconds."""
        delay_s = min(self._longest_s, self._first_s * 2 ** min(self._failures, MOST_DOUBLINGS))
        self._failures += 1
        found: float = delay_s * (1 - self._jitter * self._rng.random())
        return found

    def reset(self) -> None:
        """Start again from the first delay."""
        self._failures = 0


class Outage:
    """One thing that can fail for a while: logged when it begins and when it ends, and not in between.

    Args:
        what: that fails, as in "market stream failed" and "market stream works again".
        logger: whose lines these are.
        fields: said with both.
    """

    def __init__(self, what: str, *, logger: str, **fields: object) -> None:
        self._what = what
        self._log = structlog.get_logger(logger)
        self._fields = fields
        self._since_s: float | None = None

    @property
    def is_open(self) -> bool:
        return self._since_s is not None

    def begin(self, error: BaseException | str) -> None:
        """Say that it failed, once."""
        if self._since_s is None:
            self._since_s = elapsed_s()
            self._log.warning(f"{self._what} failed", error=str(error), **self._fields)

    def end(self) -> None:
        """Say that it works again, if it had failed."""
        if self._since_s is not None:
            after_s = round(elapsed_s() - self._since_s, 1)
            self._log.info(f"{self._what} works again", after_s=after_s, **self._fields)
            self._since_s = None
