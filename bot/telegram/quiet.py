"""Quiet hours for everybody, and what each chat muted. Nothing is held back, only silent."""

from __future__ import annotations

from collections.abc import Callable

from strategies.market import DAY_MS, MINUTE_MS


class Quiet:
    """Quiet hours and mutes, by the wall clock.

    Args:
        quiet_from, quiet_until: "22:00" and "07:00", UTC; empty: no quiet hours. They may span midnight.
        now_ms: the wall clock.
        muted_until_ms: by channel, as remembered.
    """

    def __init__(
        self, quiet_from: str, quiet_until: str, now_ms: Callable[[], int], muted_until_ms: dict[str, int]
    ) -> None:
        self.use(quiet_from, quiet_until)
        self._now_ms = now_ms
        self._muted_until_ms = dict(muted_until_ms)

    def use(self, quiet_from: str, quiet_until: str) -> None:
        """Take other quiet hours."""
        self._hours = (_minute(quiet_from), _minute(quiet_until)) if quiet_from else None

    def is_quiet(self, channel: str) -> bool:
        """Return whether a channel makes no sound now."""
        return self._now_ms() < self.muted_until_ms(channel) or self._is_quiet_hour()

    def mute(self, channel: str, minutes: float) -> int:
        """Mute a channel for some minutes (0: no longer) and return until when."""
        self._muted_until_ms[channel] = self._now_ms() + round(minutes * MINUTE_MS)
        return self._muted_until_ms[channel]

    def muted_until_ms(self, channel: str) -> int:
        """Return until when a channel was muted."""
        return self._muted_until_ms.get(channel, 0)

    def _is_quiet_hour(self) -> bool:
        if self._hours is None:
            return False
        begin, end = self._hours
        minute = self._now_ms() % DAY_MS // MINUTE_MS
        return begin <= minute < end if begin <= end else minute >= begin or minute < end


def _minute(clock_time: str) -> int:
    hours, _, minutes = clock_time.partition(":")
    return int(hours) * 60 + int(minutes)
