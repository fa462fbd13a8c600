"""Exchange time: bounds on what time it is there, which every answer and frame narrows.

    offset = the exchange's time - the steady clock, both in ms

A stamped answer says that the exchange's time was at least the stamp when it arrived, and at most the stamp when it was
asked for; a frame's event time says only "at least". Bounds widen with the drift of oscillators. What contradicts them
is doubted until it has lasted: a single wild stamp moves nothing, a jump that stays is followed. Pure: the caller gives
the steady time; the machine's settable clock is only ever a witness for large steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DRIFT: Final = 2e-4  # how much faster or slower an oscillator may run: four times what cheap ones do
SLACK_MS: Final = 500  # by which stamps of one exchange's many machines may disagree
FRAME_DELAY_MS: Final = 5_000  # a frame is seldom older than this when it comes
CONFIRM_MS: Final = 20_000  # a contradiction that lasts so long is believed
LONG_CONFIRM_MS: Final = 900_000  # a large step forward that the machine's clock does not confirm
LARGE_MS: Final = 120_000
CONFIRMATIONS: Final = 3


@dataclass(slots=True)
class _Doubt:
    """Observations that contradict the bounds but not each other."""

    low_ms: float
    high_ms: float
    since_ms: int
    count: int = 1


class ExchangeTime:
    """The measured offset of one exchange.

    Attributes:
        is_measured: anything has been observed at all.
    """

    def __init__(self, offset_ms: int) -> None:
        """Begin with a guess, which counts for nothing once something is observed."""
        self.is_measured = False
        self._offset_ms = float(offset_ms)
        self._low_ms = float("-inf")
        self._high_ms = float("inf")
        self._relaxed_ms: int | None = None
        self._doubt: _Doubt | None = None

    @property
    def offset_ms(self) -> int:
        """The best estimate."""
        return round(self._offset_ms)

    @property
    def doubted_step_ms(self) -> int | None:
        """How far the exchange's stamps are from our estimate while they contradict it; None while they do not."""
        doubt = self._doubt
        return None if doubt is None or doubt.count < 2 else round(doubt.low_ms - self._offset_ms)

    def least_offset_ms(self) -> float:
        """Return an offset that the exchange's is not below, whatever of the doubted is true."""
        low_ms = self._low_ms
        return low_ms if self._doubt is None else min(low_ms, self._doubt.low_ms)

    def observe(
        self, *, stamp_ms: int, until_ms: int | None, asked_ms: int, came_ms: int, machine_offset_ms: int
    ) -> None:
        """Take a stamp of the exchange.

        Args:
            stamp_ms: the exchange's time was at least this when the stamp came.
            until_ms: and at most this when it was asked for; None: nothing is known (a frame).
            asked_ms: steady time of the request.
            came_ms: steady time of its arrival.
            machine_offset_ms: the machine's settable clock - the steady clock, for judging large steps.
        """
        low_ms = float(stamp_ms - came_ms)
        high_ms = None if until_ms is None else float(max(until_ms - asked_ms, stamp_ms - came_ms))
        self._relax(came_ms)
        if not self.is_measured:
            self._begin(low_ms, low_ms + FRAME_DELAY_MS if high_ms is None else high_ms)
        elif low_ms > self._high_ms + SLACK_MS or (high_ms is not None and high_ms < self._low_ms - SLACK_MS):
            self._contradicted(low_ms, high_ms, came_ms, machine_offset_ms)
        else:
            self._narrow(low_ms, high_ms)

    def _begin(self, low_ms: float, high_ms: float) -> None:
        self.is_measured = True
        self._low_ms, self._high_ms, self._doubt = low_ms, high_ms, None
        self._offset_ms = (low_ms + high_ms) / 2 if high_ms - low_ms < FRAME_DELAY_MS else low_ms

    def _narrow(self, low_ms: float, high_ms: float | None) -> None:
        if high_ms is not None or self._high_ms - low_ms < 2 * FRAME_DELAY_MS:
            self._doubt = None  # a frame that is merely late refutes nothing
        self._low_ms = max(self._low_ms, low_ms)
        if high_ms is not None:
            self._high_ms = min(self._high_ms, high_ms)
        if self._low_ms > self._high_ms:
            self._low_ms = self._high_ms = (self._low_ms + self._high_ms) / 2
        self._offset_ms = min(max(self._offset_ms, self._low_ms), self._high_ms)

    def _contradicted(self, low_ms: float, high_ms: float | None, came_ms: int, machine_offset_ms: int) -> None:
        high_ms = low_ms + FRAME_DELAY_MS if high_ms is None else high_ms
        doubt = self._doubt
        if doubt is None or low_ms > doubt.high_ms + SLACK_MS or high_ms < doubt.low_ms - SLACK_MS:
            self._doubt = _Doubt(low_ms, high_ms, came_ms)
            return
        doubt.low_ms, doubt.high_ms = max(doubt.low_ms, low_ms), min(doubt.high_ms, high_ms)
        if doubt.low_ms > doubt.high_ms:
            doubt.low_ms = doubt.high_ms = (doubt.low_ms + doubt.high_ms) / 2
        doubt.count += 1
        if doubt.count >= CONFIRMATIONS and came_ms - doubt.since_ms >= self._needed_ms(doubt, machine_offset_ms):
            self._begin(doubt.low_ms, doubt.high_ms)

    def _needed_ms(self, doubt: _Doubt, machine_offset_ms: int) -> int:
        step_ms = doubt.low_ms - self._offset_ms
        is_confirmed = abs(machine_offset_ms - doubt.low_ms) <= LARGE_MS
        return LONG_CONFIRM_MS if step_ms > LARGE_MS and not is_confirmed else CONFIRM_MS

    def _relax(self, steady_ms: int) -> None:
        if self._relaxed_ms is not None:
            widening = max(0, steady_ms - self._relaxed_ms) * DRIFT
            self._low_ms, self._high_ms = self._low_ms - widening, self._high_ms + widening
        self._relaxed_ms = steady_ms
