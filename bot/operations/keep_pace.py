"""Keeping pace: how fast a demo market really runs, where it waits for a machine that is slower than its speed.

The market waits by itself (`bot/simulator/conductor.py`); nothing is skipped. This measures, and says so.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

import structlog

from bot.clock import ScaledClock

LOOK_S: Final = 0.5
MEASURED_S: Final = 10.0
SLOWED: Final = 0.9  # share of its speed under which it is said to be slowed


class PaceKeeper:
    """Measures what is processed of a scaled market.

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

    async def run(self) -> None:
        """Measure until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK_S)
            self.look(loop.time())

    def look(self, now_s: float) -> None:
        """Measure, and say when the market begins to be slowed and when it is not any more."""
        self._seen.append((now_s, self._processed_ms()))
        while now_s - self._seen[0][0] > MEASURED_S:
            self._seen.popleft()
        (began_s, first_ms), lasted_s = self._seen[0], now_s - self._seen[0][0]
        if lasted_s < MEASURED_S / 2:
            return
        speed = (self._seen[-1][1] - first_ms) / 1000 / (now_s - began_s)
        is_slow = speed < SLOWED * self._clock.speed
        if is_slow != self._is_slow:
            self._is_slow = is_slow
            words = "market slowed to what this machine processes" if is_slow else "market runs at its speed again"
            self._log.info(words, times_real_time=round(speed), asked=self._clock.speed)
