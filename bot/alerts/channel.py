"""Alert channel, and the three ways in which sending can fail: they differ in what may be done next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from storage.ledger.outbox import Pending
from strategies.errors import SigmaError


class NotSent(SigmaError):
    """It certainly did not arrive: send it again, after `retry_after_s` where the other side named one."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Unanswered(SigmaError):
    """It may have arrived: send it again, marked as a repeat."""


class Undeliverable(SigmaError):
    """The other side will never take this one: give it up, so that the next ones can go."""


class Channel(Protocol):
    """One recipient of alerts."""

    name: str  # "telegram:123", "webhook": unique within an account
    collapses: bool  # whether a burst becomes one message

    def fit(self, rows: Sequence[Pending]) -> int:
        """Return how many of the first rows go into one collapsed message, at least 1."""

    async def send(self, rows: Sequence[Pending], *, is_repeat: bool, is_silent: bool) -> None:
        """Send rows as one message; they are settled when this returns.

        Args:
            rows: at least one, in order.
            is_repeat: the same rows may have arrived before.
            is_silent: every one of them is set to make no sound.

        Raises:
            NotSent: it did not arrive.
            Unanswered: it may have arrived.
            Undeliverable: it never will.
        """
