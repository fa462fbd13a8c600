"""Clocks: what time it is, and how to wait; the only module that reads the wall clock.

A long-lived program gets one `Clock` from its composition root. `SystemClock` is a real exchange's time as measured,
`ScaledClock` runs `speed` times faster, `FollowingClock` does so as another process says, `PacedClock` stands where the
exchange last said it stands, `ManualClock` belongs to tests. All are monotonic: `now_ms` never goes back. Knows nothing
of markets or exchanges.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from typing import Final, Protocol

from bot.exchange_time import ExchangeTime

_STEADY: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_LONGEST_SLEEP_S = 5.0
_LONGEST_NAP_S = 0.25  # wall seconds after which a scaled sleeper looks again whether its clock was held or moved


class Clock(Protocol):
    """The time of a market and the waiting in it."""

    @property
    def speed(self) -> float:
        """Seconds slept per wall second: what a `sleep` of n seconds is divided by."""

    def now_ms(self) -> int:
        """Return UTC milliseconds; never less than before."""

    def at_least_ms(self) -> int:
        """Return a time that has certainly come at the exchange: what may be called closed."""

    async def sleep(self, market_seconds: float) -> None:
        """Wait for that many seconds of this clock."""

    async def sleep_until(self, ms: int) -> None:
        """Return when `now_ms() >= ms`; at once if that is so already."""


def wall_ms() -> int:
    """Return the machine's UTC milliseconds, for stamping files; may go back when the machine is set."""
    return time.time_ns() // 1_000_000


def steady_ms() -> int:
    """Return milliseconds that nobody can set; they go on while the machine sleeps, where the system can tell."""
    return time.clock_gettime_ns(_STEADY) // 1_000_000


class SystemClock:
    """A real exchange's time: measured at every answer and frame, carried on by the steady clock.

    Setting the machine's clock moves it by nothing; `machine_step_ms` tells how far off that is.

    Attributes:
        on_answer: told (stamp, until, asked) of every answer that was observed, for whoever keeps the same time.
    """

    speed = 1.0

    def __init__(self, offset_ms: int = 0) -> None:
        """Begin with the machine's time plus `offset_ms`, until something is observed."""
        self._measured = ExchangeTime(wall_ms() + offset_ms - steady_ms())
        self._latest_ms = 0
        self.on_answer: Callable[[int, int, int], None] | None = None

    def now_ms(self) -> int:
        self._latest_ms = max(self._latest_ms, steady_ms() + self._measured.offset_ms)
        return self._latest_ms

    def at_least_ms(self) -> int:
        """Return a time that the exchange itself has shown to be past; -1 before it showed any."""
        return round(steady_ms() + self._measured.least_offset_ms()) if self._measured.is_measured else -1

    def observe(self, stamp_ms: int, *, until_ms: int | None = None, asked_ms: int | None = None) -> None:
        """Take a time that the exchange stated just now.

        Args:
            stamp_ms: its time is at least this.
            until_ms: its time was at most this when it was asked; None: nothing is known.
            asked_ms: `steady_ms` of the question; needed with `until_ms`.
        """
        came_ms = steady_ms()
        if not self._measured.is_measured:
            if until_ms is None:
                return  # a frame alone cannot tell how old it is
            self._latest_ms = 0  # what the machine guessed binds nobody
        self._measured.observe(
            stamp_ms=stamp_ms,
            until_ms=until_ms,
            asked_ms=came_ms if asked_ms is None else asked_ms,
            came_ms=came_ms,
            machine_offset_ms=wall_ms() - came_ms,
        )
        if until_ms is not None and self.on_answer is not None:
            self.on_answer(stamp_ms, until_ms, came_ms if asked_ms is None else asked_ms)

    def machine_step_ms(self) -> int:
        """Return how far the machine's clock is ahead of the exchange's time; 0 before anything was measured."""
        return wall_ms() - (steady_ms() + self._measured.offset_ms) if self._measured.is_measured else 0

    def exchange_step_ms(self) -> int | None:
        """Return how far the exchange's latest stamps are ahead of its time so far, while that is doubted."""
        return self._measured.doubted_step_ms

    async def sleep(self, market_seconds: float) -> None:
        await asyncio.sleep(market_seconds)

    async def sleep_until(self, ms: int) -> None:
        while (left_ms := ms - self.now_ms()) > 0:  # noqa: ASYNC110 — the exchange may correct its time meanwhile
            await asyncio.sleep(min(_LONGEST_SLEEP_S, left_ms / 1000))


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

    def at_least_ms(self) -> int:
        return self.now_ms()

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


class FollowingClock(ScaledClock):
    """A scaled clock of another process: it stands until its owner tells the time, and runs on from there.

    Where the owner's stands, or lags behind what this one ran on to, this one stands until it is told a later time.
    """

    def __init__(self, now_ms: int, speed: float) -> None:
        super().__init__(now_ms, speed, held=True)
        self._told_ms = self._latest_ms = now_ms

    def now_ms(self) -> int:
        self._latest_ms = max(self._latest_ms, super().now_ms())
        return self._latest_ms

    def at_least_ms(self) -> int:
        return self._told_ms

    def follow(self, ms: int) -> None:
        """Go on from the time that the owner told just now."""
        if ms > self._told_ms:
            self._told_ms, self._anchor_ms, self._anchor_ns = ms, ms, time.monotonic_ns()
        else:
            self._anchor_ms, self._anchor_ns = ms, None


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

    def at_least_ms(self) -> int:
        return self.now_ms()

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

    def at_least_ms(self) -> int:
        return self.now_ms()

    def set(self, ms: int) -> None:
        """Move to `ms`.

        Raises:
            ValueError: `ms` lies before now.
        """
        if ms < self._now_ms:
            raise ValueError(f"clock is at {self._now_ms} and cannot go back to {ms}")
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
