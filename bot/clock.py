"""What time it is, and how to wait: the only module that reads the wall clock.

A long-lived program gets one `Clock` from its composition root. `SystemClock` is a real exchange's time, `ScaledClock`
runs `speed` times faster, `PacedClock` stands where the exchange last said it stands, `ManualClock` belongs to tests.
All are monotonic: `now_ms` never goes back. Knows nothing of markets or exchanges.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from typing import Protocol

_LONGEST_NAP_S = 0.25  # wall seconds after which a scaled sleeper looks again whether its clock was held or moved


class Clock(Protocol):
    """The time of a market and the waiting in it."""

    @property
    def speed(self) -> float:
        """Seconds slept per wall second: what a `sleep` of n seconds is divided by."""

    def now_ms(self) -> int:
        """Return UTC milliseconds; never less than before."""

    async def sleep(self, market_seconds: float) -> None:
        """Wait for that many seconds of this clock."""

    async def sleep_until(self, ms: int) -> None:
        """Return when `now_ms() >= ms`; at once if that is so already."""


def wall_ms() -> int:
    """Return the machine's UTC milliseconds, for stamping files; may go back when the machine is set."""
    return time.time_ns() // 1_000_000


class SystemClock:
    """The machine's time plus the offset measured against the exchange."""

    speed = 1.0

    def __init__(self, offset_ms: int = 0) -> None:
        self.offset_ms = offset_ms
        self._latest_ms = 0

    def now_ms(self) -> int:
        self._latest_ms = max(self._latest_ms, wall_ms() + self.offset_ms)
        return self._latest_ms

    async def sleep(self, market_seconds: float) -> None:
        await asyncio.sleep(market_seconds)

    async def sleep_until(self, ms: int) -> None:
        while (left_ms := ms - self.now_ms()) > 0:  # noqa: ASYNC110 — nobody announces the machine's time
            await asyncio.sleep(left_ms / 1000)


class ScaledClock:
    """Starts at `anchor_ms` and runs `speed` market seconds per wall second; can be held (also from the start).

    Raises:
        ValueError: speed is not above zero.
    """

    def __init__(self, anchor_ms: int, speed: float, *, held: bool = False) -> None:
        if not speed > 0:
            raise ValueError(f"speed is {speed}; market seconds per wall second must be > 0")
        self.speed = float(speed)
        self._anchor_ms = anchor_ms
        self._anchor_ns = None if held else time.monotonic_ns()

    def now_ms(self) -> int:
        if self._anchor_ns is None:
            return self._anchor_ms
        return self._anchor_ms + int((time.monotonic_ns() - self._anchor_ns) * self.speed) // 1_000_000

    def hold(self) -> None:
        """Stop the clock where it is."""
        self._anchor_ms = self.now_ms()
        self._anchor_ns = None

    def release(self) -> None:
        """Let a held clock run on from where it stood."""
        if self._anchor_ns is None:
            self._anchor_ns = time.monotonic_ns()

    async def sleep(self, market_seconds: float) -> None:
        await self.sleep_until(self.now_ms() + round(market_seconds * 1000))

    async def sleep_until(self, ms: int) -> None:
        while (left_ms := ms - self.now_ms()) > 0:  # noqa: ASYNC110 — it may be held or released meanwhile
            await asyncio.sleep(min(_LONGEST_NAP_S, left_ms / 1000 / self.speed))


class _Sleepers:
    """Those who wait for a time that somebody else will announce."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._arrivals = itertools.count()

    async def wait_until(self, ms: int) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (ms, next(self._arrivals), woken))
        await woken

    def wake(self, now_ms: int) -> None:
        while self._waiting and self._waiting[0][0] <= now_ms:
            _, _, woken = heapq.heappop(self._waiting)
            if not woken.done():
                woken.set_result(None)


class PacedClock:
    """Stands at the latest market time the exchange told, for markets that run as fast as they are processed.

    Its `sleep` is wall time (a time-out, a retry), for no market time passes by itself; hence `speed` is 1.
    """

    speed = 1.0

    def __init__(self, now_ms: int = 0) -> None:
        self._now_ms = now_ms
        self._sleepers = _Sleepers()

    def now_ms(self) -> int:
        return self._now_ms

    def advance(self, ms: int) -> None:
        """Move to market time `ms`; an earlier time than now is ignored (messages may overtake one another)."""
        if ms > self._now_ms:
            self._now_ms = ms
            self._sleepers.wake(ms)

    async def sleep(self, market_seconds: float) -> None:
        await asyncio.sleep(market_seconds)

    async def sleep_until(self, ms: int) -> None:
        if ms > self._now_ms:
            await self._sleepers.wait_until(ms)


class ManualClock:
    """Moves only when told to; sleepers wake in the order of their times."""

    def __init__(self, now_ms: int = 0, speed: float = 1.0) -> None:
        self.speed = speed
        self._now_ms = now_ms
        self._sleepers = _Sleepers()

    def now_ms(self) -> int:
        return self._now_ms

    def set(self, ms: int) -> None:
        """Move to `ms`.

        Raises:
            ValueError: `ms` lies before now.
        """
        if ms < self._now_ms:
            raise ValueError(f"clock stands at {self._now_ms} and cannot go back to {ms}")
        self._now_ms = ms
        self._sleepers.wake(ms)

    def advance(self, milliseconds: int) -> None:
        """Move forward by `milliseconds`."""
        self.set(self._now_ms + milliseconds)

    async def sleep(self, market_seconds: float) -> None:
        await self.sleep_until(self._now_ms + round(market_seconds * 1000))

    async def sleep_until(self, ms: int) -> None:
        if ms > self._now_ms:
            await self._sleepers.wait_until(ms)
