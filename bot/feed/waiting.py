"""Waiting for a network: always in wall seconds, whatever the market's speed.

A market clock may be held until somebody listens; a reconnect that waited on it would wait for ever. `Backoff` spaces
attempts, `Outage` logs a failure when it begins and when it ends and is silent in between.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import structlog

from bot.feed.failures import GeoBlocked
from strategies.errors import ExchangeFailed

LONGEST_PATIENT_S: Final = 30.0
BELIEVED_REFUSALS: Final = 3
T = TypeVar("T")

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
        found: float = delay_s * (1 - self._rng.random() / 2)
        return found

    def reset(self) -> None:
        """Start again from the first delay."""
        self._failures = 0


class Stopped(Exception):
    """The wait was ended by whoever asked the program to stop."""


async def patient(
    ask: Callable[[], Awaitable[T]], *, on_wait: Callable[[str], None], stopping: asyncio.Event | None = None
) -> T:
    """Return what `ask` brings, however long the exchange is away.

    Args:
        ask: raises ExchangeFailed while it cannot be had.
        on_wait: told why, before each wait.
        stopping: ends the wait.

    Raises:
        Stopped: `stopping` was set.
        GeoBlocked: the exchange has said several times in a row that it refuses this place.
    """
    backoff, refusals = Backoff(longest_s=LONGEST_PATIENT_S), 0
    while True:
        try:
            return await _unless_stopped(ask(), stopping)
        except GeoBlocked as error:
            refusals += 1
            if refusals >= BELIEVED_REFUSALS:
                raise
            on_wait(str(error))
        except ExchangeFailed as error:
            refusals = 0
            on_wait(str(error))
        await _unless_stopped(asyncio.sleep(backoff.next_s()), stopping)


async def _unless_stopped(what: Awaitable[T], stopping: asyncio.Event | None) -> T:
    if stopping is None:
        return await what
    doing, ending = asyncio.ensure_future(what), asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait({doing, ending}, return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise Stopped
        return doing.result()
    finally:
        for task in (doing, ending):
            task.cancel()
        await asyncio.gather(doing, ending, return_exceptions=True)


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
