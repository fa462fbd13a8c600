"""Keeping pace: the demo market waits for a machine that is slower than it, and says how fast it really runs.

A scaled market runs on whether its minutes are processed or not. Where they lag behind, its clock is held until they
have caught up; nothing is skipped, and what people see is never days away from what was decided.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

import structlog

from bot.clock import ScaledClock
from strategies.market import MINUTE_MS

LOOK_S: Final = 0.05
LONGEST_HOLD_S: Final = 2.0  # then it runs for a moment: what waits for market time must not wait for ever
MOST_BEHIND_MS: Final = 30 * MINUTE_MS
LEAST_BEHIND_S: Final = 1.0  # of wall time: a fast market is always a little ahead
MEASURED_S: Final = 10.0
SLOWED: Final = 0.9  # share of its speed under which it is said to be slowed


class PaceKeeper:
    """Holds a scaled clock while its minutes wait to be processed.

    Args:
        clock: of the market.
        processed_ms: open of the last account minute that is in the ledger.
    """

    def __init__(self, clock: ScaledClock, processed_ms: Callable[[], int]) -> None:
        self._clock = clock
        self._processed_ms = processed_ms
        self._seen: deque[tuple[float, int]] = deque()
        self._is_slow = False
        self._log = structlog.get_logger("exchange")

    @property
    def slowed_to(self) -> float | None:
        """Market seconds per wall second that are really processed; None: the market runs at its own speed."""
        if not self._is_slow or len(self._seen) < 2:
            return None
        (began_s, first_ms), (ended_s, last_ms) = self._seen[0], self._seen[-1]
        return (last_ms - first_ms) / 1000 / (ended_s - began_s) if ended_s > began_s else None

    @property
    def most_behind_ms(self) -> int:
        """How far the market may be ahead before it waits."""
        return max(MOST_BEHIND_MS, round(LEAST_BEHIND_S * 1000 * self._clock.speed))

    def behind_ms(self) -> int:
        """Return how far the market is ahead of what is processed."""
        return self._clock.now_ms() - (self._processed_ms() + MINUTE_MS)

    async def run(self) -> None:
        """Hold and release until cancelled."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                await asyncio.sleep(LOOK_S)
                self.look(loop.time())
                if self.behind_ms() > self.most_behind_ms:
                    await self._wait(loop)
        finally:
            self._clock.release()

    def look(self, now_s: float) -> None:
        """Measure, and say when the market begins to be slowed and when it is not any more."""
        self._seen.append((now_s, self._processed_ms()))
        while now_s - self._seen[0][0] > MEASURED_S:
            self._seen.popleft()
        (began_s, first_ms), lasted_s = self._seen[0], now_s - self._seen[0][0]
        if lasted_s < MEASURED_S / 2:
            return
        speed = (self._seen[-1][1] - first_ms) / 1000 / (now_s - began_s)
        is_slow = speed < SLOWED * self._clock.speed and self.behind_ms() > self.most_behind_ms / 2
        if is_slow != self._is_slow:
            self._is_slow = is_slow
            words = "market slowed to what this machine processes" if is_slow else "market runs at its speed again"
            self._log.info(words, times_real_time=round(speed), asked=self._clock.speed)

    async def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        until_s = loop.time() + LONGEST_HOLD_S
        self._clock.hold()
        while self.behind_ms() > self.most_behind_ms / 2 and loop.time() < until_s:
            await asyncio.sleep(LOOK_S)
            self.look(loop.time())
        self._clock.release()
