"""Conductor: moves the market clock and emits each minute, by the wall clock, or as fast as the client processes.

Two paces. *Scaled*: `speed` market seconds per wall second. *Paced* (`speed` None, "max"): a minute is let out when it
lies at most `lead_ms` after the end of the last minute reported as processed, and somebody listens; a scaled market
waits likewise for a client that reports and still listens, when it is a second of its own behind; one that died is not
waited for. The clock is moved before the frames are sent, so REST knows a candle no later than the websocket.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from bot.clock import PacedClock, ScaledClock
from bot.simulator.protocol.hub import Frame, Hub
from bot.simulator.protocol.ticker import Ticker
from bot.simulator.stored_clock import StoredClock
from strategies.errors import BadInput, StorageFailed
from strategies.market import MINUTE_MS

_MOST_DEBT_S: Final = 1.0  # wall seconds a scaled market may lag before its clock waits for the frames
AHEAD_S: Final = 1.0  # wall seconds a scaled market may be ahead of the client that says what it has processed
_SAVE_EVERY_S: Final = 1.0  # of a scaled clock
SAVE_AGAIN_S: Final = 0.25  # wall seconds until a clock that could not be stored is tried again
_BRISK_SPEED: Final = 60.0  # above it no forming ticks by default


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast the market runs.

    Attributes:
        speed: market seconds per wall second; None: as fast as it is processed.
        lead_ms: how far a paced market may run ahead.
        hold: a scaled market waits while nobody listens (a paced one always does).
        ticks_per_minute: forming frames between two closes; None: 1 up to a speed of 60, none above.

    Raises:
        BadInput: a value out of range.
    """

    speed: float | None = 1.0
    lead_ms: int = 30 * MINUTE_MS
    hold: bool = False
    ticks_per_minute: int | None = None

    def __post_init__(self) -> None:
        if self.speed is not None and not 0 < self.speed <= 1e6:
            raise BadInput(f"speed is {self.speed}; 0 < speed <= 1,000,000 or max is needed")
        if self.lead_ms < MINUTE_MS:
            raise BadInput(f"lead is {self.lead_ms} ms; at least one minute is needed")
        if self.ticks_per_minute is not None and not 0 <= self.ticks_per_minute <= 240:
            raise BadInput(f"ticks_per_minute is {self.ticks_per_minute}; 0 to 240 is needed")

    @property
    def ticks(self) -> int:
        """Forming frames between two closes."""
        if self.ticks_per_minute is not None:
            return self.ticks_per_minute
        return 1 if self.speed is not None and self.speed <= _BRISK_SPEED else 0


class Deliverer(Protocol):
    """Where frames go."""

    async def deliver(self, frames: list[Frame], now_ms: int) -> None:
        """Bring the frames of one moment to the clients."""


class Conductor:
    """The market's heartbeat; `run` is its task."""

    def __init__(
        self,
        ticker: Ticker,
        hub: Hub,
        deliverer: Deliverer,
        pace: Pace,
        now_ms: int,
        stored: StoredClock,
        end_ms: int | None,
    ) -> None:
        self._ticker, self._hub, self._deliverer, self._pace, self._stored = ticker, hub, deliverer, pace, stored
        self._end_ms = end_ms
        self._processed_ms = now_ms - now_ms % MINUTE_MS - MINUTE_MS  # what came before is not waited for
        self._is_reported = False
        self._emitted_ms = now_ms
        self._reserved_ms = now_ms
        self._changed = asyncio.Event()
        self.clock: ScaledClock | PacedClock
        if pace.speed is None:
            self.clock = PacedClock(now_ms)
        else:
            self.clock = ScaledClock(now_ms, pace.speed, held=True)

    @property
    def is_finished(self) -> bool:
        """Whether a replay has shown everything."""
        return self._end_ms is not None and self._emitted_ms >= self._end_ms

    @property
    def processed_ms(self) -> int:
        """The open of the last minute reported as processed."""
        return self._processed_ms

    def now_ms(self) -> int:
        """Return the market time; a replay's stops at its end."""
        now_ms = self.clock.now_ms()
        return now_ms if self._end_ms is None else min(now_ms, self._end_ms)

    def changed(self) -> None:
        """Look again whether the market may go on: somebody came, left or subscribed."""
        if not self._hub.is_listened_to:
            self._is_reported = False
        self._changed.set()

    def processed(self, minute_ms: int) -> None:
        """Note that a client has processed the minute that opened at `minute_ms` and all before it.

        Raises:
            BadInput: that minute lies in the future.
        """
        if minute_ms + MINUTE_MS > self.now_ms():
            raise BadInput(f"minute {minute_ms} cannot have been processed: the market is at {self.now_ms()}")
        self._is_reported = True
        if minute_ms > self._processed_ms:
            self._processed_ms = minute_ms
            self._changed.set()

    async def run(self) -> None:
        """Emit one minute after the other until cancelled or the replay's end."""
        while not self.is_finished:
            minute_end = self._emitted_ms - self._emitted_ms % MINUTE_MS + MINUTE_MS
            await self._allowed(minute_end)
            await self._reserve(minute_end)
            if isinstance(self.clock, ScaledClock):
                await self._ticks(self.clock, minute_end)
                await self.clock.sleep_until(minute_end)
                self._settle_debt(self.clock, minute_end)
            else:
                self.clock.advance(minute_end)
            self._emitted_ms = minute_end
            await self._deliverer.deliver(self._ticker.frames(self._hub.streams(), minute_end), minute_end)
            await asyncio.sleep(0)  # sending alone need not yield, and others live on this loop
        if isinstance(self.clock, ScaledClock):
            self.clock.hold()

    def save(self) -> None:
        """Store where the clock stands now; what was written ahead stays where that cannot be."""
        if isinstance(self.clock, ScaledClock):
            self.clock.hold()
        if (reason := self._not_saved(self.now_ms())) is not None:
            _log().warning("market clock not stored at its end", error=reason)

    async def _allowed(self, minute_end: int) -> None:
        """Wait until the minute that ends at `minute_end` may be let out."""
        while not self._may_run(minute_end):
            if isinstance(self.clock, ScaledClock):
                self.clock.hold()
            self._changed.clear()
            await self._changed.wait()
        if isinstance(self.clock, ScaledClock) and not self._lags(self.clock, minute_end):
            self.clock.release()

    def _ahead_ms(self, speed: float) -> int:
        """How far a scaled market may run ahead of a client that says what it has processed."""
        return max(self._pace.lead_ms, round(AHEAD_S * 1000 * speed))

    def _may_run(self, minute_end: int) -> bool:
        if self._pace.speed is not None:
            latest_ms = self._processed_ms + MINUTE_MS + self._ahead_ms(self._pace.speed)
            is_kept_up_with = not self._is_reported or minute_end <= latest_ms
            return is_kept_up_with and (self._hub.is_listened_to or not self._pace.hold)
        return self._hub.is_listened_to and minute_end <= self._processed_ms + MINUTE_MS + self._pace.lead_ms

    async def _ticks(self, clock: ScaledClock, minute_end: int) -> None:
        """Emit the forming candles of the minute in progress."""
        ticks = self._pace.ticks
        for tick in range(1, ticks + 1):
            tick_ms = minute_end - MINUTE_MS + MINUTE_MS * tick // (ticks + 1)
            if tick_ms < clock.now_ms():
                continue
            await clock.sleep_until(tick_ms)
            await self._deliverer.deliver(self._ticker.frames(self._hub.streams(), tick_ms), tick_ms)

    def _settle_debt(self, clock: ScaledClock, minute_end: int) -> None:
        """Let the clock wait for the frames when sending cannot keep up."""
        if clock.now_ms() - minute_end > _MOST_DEBT_S * 1000 * clock.speed:
            clock.hold()

    def _lags(self, clock: ScaledClock, minute_end: int) -> bool:
        return clock.now_ms() >= minute_end

    async def _reserve(self, minute_end: int) -> None:
        """Write the stored clock ahead when the market is about to reach it; where it cannot be, the market stands.

        A market that went on would show what a later start knows nothing of; one that stands loses nothing.
        """
        if minute_end < self._reserved_ms:
            return
        ahead_ms = self._pace.lead_ms if self._pace.speed is None else int(_SAVE_EVERY_S * 1000 * self._pace.speed)
        reserved_ms = minute_end + ahead_ms
        if self._end_ms is not None:
            reserved_ms = min(reserved_ms, self._end_ms)
        is_waiting = False
        while (reason := self._not_saved(reserved_ms)) is not None:
            if not is_waiting:
                _log().error("market stands, its clock cannot be stored", error=reason)
            is_waiting = True
            if isinstance(self.clock, ScaledClock):
                self.clock.hold()
            await asyncio.sleep(SAVE_AGAIN_S)
        self._reserved_ms = reserved_ms
        if is_waiting:
            _log().info("market goes on, its clock is stored")
            if isinstance(self.clock, ScaledClock):
                self.clock.release()

    def _not_saved(self, now_ms: int) -> str | None:
        """Store a time; return why that failed."""
        try:
            self._stored.save(now_ms)
        except StorageFailed as error:
            return str(error)
        return None


def _log() -> structlog.stdlib.BoundLogger:
    log: structlog.stdlib.BoundLogger = structlog.get_logger("exchange")
    return log
