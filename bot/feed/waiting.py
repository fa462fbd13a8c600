"""Waiting for an exchange or a database: asking again until it answers, refuses for good, or we are stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from bot.feed.failures import GeoBlocked
from bot.waiting import Backoff
from strategies.errors import ExchangeFailed, StorageAway

LONGEST_PATIENT_S: Final = 30.0
BELIEVED_REFUSALS: Final = 3
T = TypeVar("T")


class Stopped(Exception):
    """The wait was ended by whoever asked the program to stop."""


async def patient(
    ask: Callable[[], Awaitable[T]], *, on_wait: Callable[[str], None], stopping: asyncio.Event | None = None
) -> T:
    """Return what `ask` brings, however long the exchange, the database or room on a disk is away.

    Args:
        ask: raises ExchangeFailed or StorageAway while it cannot be had.
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
        except (ExchangeFailed, StorageAway) as error:
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
