"""Waiting for a network: always in wall seconds, whatever the market's speed.

A market clock may be held until somebody listens; a reconnect that waited on it would wait for ever. `Backoff` spaces
attempts, `Outage` logs a failure when it begins and when it ends and is silent in between.
"""

from __future__ import annotations

import asyncio
import random

import structlog

log = structlog.get_logger("feed")


def elapsed_s() -> float:
    """Return seconds of the event loop's own monotonic time; for durations only."""
    return asyncio.get_running_loop().time()


class Backoff:
    """Delays that double from `first_s` to `longest_s`, each shortened at random by up to a half."""

    def __init__(self, *, first_s: float = 0.2, longest_s: float = 30.0, rng: random.Random | None = None) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._rng = rng or random.Random()
        self._failures = 0

    def next_s(self) -> float:
        """Return the next delay, in wall seconds."""
        delay_s = min(self._longest_s, self._first_s * 2 ** min(self._failures, 20))
        self._failures += 1
        return delay_s * (1 - self._rng.random() / 2)

    def reset(self) -> None:
        """Start again from the first delay."""
        self._failures = 0


class Outage:
    """One thing that can fail for a while: logged when it begins and when it ends."""

    def __init__(self, what: str, **fields: object) -> None:
        self._what = what
        self._fields = fields
        self._since_s: float | None = None

    @property
    def is_open(self) -> bool:
        return self._since_s is not None

    def begin(self, error: BaseException | str) -> None:
        """Say that it failed, once."""
        if self._since_s is None:
            self._since_s = elapsed_s()
            log.warning(f"{self._what} failed", error=str(error), **self._fields)

    def end(self) -> None:
        """Say that it works again, if it had failed."""
        if self._since_s is not None:
            log.info(f"{self._what} works again", after_s=round(elapsed_s() - self._since_s, 1), **self._fields)
            self._since_s = None
