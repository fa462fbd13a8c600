"""Release policy: when an account minute stops waiting for the markets that are missing.

A live minute waits `close_deadline_s` from the first sign that it has closed, and not at all for a market that still
owes an earlier minute. A minute of the past (after a start or an outage) waits until the exchange has answered for
every market. A minute is held a little for a market whose rules are being read, or which is about to join. While
nothing at all comes, no minute leaves: then the feed is down, not a market. Pure.
"""

from __future__ import annotations

import numpy as np

from bot.feed.candle_buffer import CandleBuffer
from strategies.market import MINUTE_MS

HELD_S = 15.0  # wall seconds; an exchange's list of markets is megabytes


class ReleasePolicy:
    """Decides whether the head minute may leave."""

    def __init__(self, deadline_s: float) -> None:
        self._deadline_s = deadline_s
        self._head_ms = -1
        self._is_past = False
        self._since_s: float | None = None  # wall seconds at which the head minute showed a first sign of being closed

    def may_leave(self, candle_buffer: CandleBuffer, *, now_ms: int, now_s: float, speed: float, known_ms: int) -> bool:
        """Tell whether the head minute is complete, or has waited long enough.

        Args:
            candle_buffer: of the account.
            now_ms: market time.
            now_s: wall seconds of any steady origin.
            speed: market seconds per wall second.
            known_ms: market time that the exchange has certainly reached; no minute exists before.
        """
        barrier = candle_buffer.barrier
        head_ms = barrier.head_ms
        if head_ms != self._head_ms:
            self._head_ms, self._since_s = head_ms, None
            self._is_past = now_ms > head_ms + MINUTE_MS + self._deadline_s * speed * 1000
        waiting, is_held = barrier.waiting(), barrier.is_held()
        if not waiting.any() and not is_held:
            return barrier.has_any() or known_ms >= head_ms + MINUTE_MS
        if known_ms < head_ms + MINUTE_MS and not barrier.has_any():
            return False
        answered = candle_buffer.answered_ms > head_ms
        if self._since_s is None and (barrier.has_any() or answered.any() or not waiting.any()):
            self._since_s = now_s
        if self._since_s is None or (is_held and now_s - self._since_s < HELD_S):
            return False
        needs_candle = barrier.progress_ms <= head_ms
        if self._is_past:
            unanswered = np.where(needs_candle, ~answered, candle_buffer.funding_answered_ms < head_ms)
            return not bool((waiting & unanswered).any())
        waited_for = waiting & (barrier.progress_ms >= head_ms)
        return not bool(waited_for.any()) or now_s - self._since_s >= self._deadline_s
