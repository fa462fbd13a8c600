"""Rate limits: at most so many of something in any minute, for everybody or for each of many callers."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from typing import Final

WINDOW_S: Final = 60.0
MOST_CALLERS: Final = 512


class Window:
    """The events of the last minute, `most` at most.

    Args:
        most: events in any minute.
        now_s: seconds that only go forward.
    """

    def __init__(self, most: int, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._times_s: deque[float] = deque(maxlen=most)

    def room(self) -> int:
        """Return how many more there may be now."""
        now_s = self._now_s()
        while self._times_s and now_s - self._times_s[0] >= WINDOW_S:
            self._times_s.popleft()
        return (self._times_s.maxlen or 0) - len(self._times_s)

    def wait_s(self) -> float:
        """Return in how many seconds there is room for one more; 0: now."""
        return 0.0 if self.room() else self._times_s[0] + WINDOW_S - self._now_s()

    def add(self) -> None:
        """Count one that happened."""
        self._times_s.append(self._now_s())

    def take(self) -> bool:
        """Count one if there is room for it; tell whether there was."""
        if not self.room():
            return False
        self.add()
        return True

    def resize(self, most: int) -> None:
        """Allow another number from now on; the newest of those that happened still count."""
        self._times_s = deque(self._times_s, maxlen=most)


class RateLimit:
    """A window for each caller, so that strangers use up nobody's but their own; the longest silent are forgotten.

    Args:
        most: events of one caller in any minute.
        now_s: seconds that only go forward.
    """

    def __init__(self, most: int, now_s: Callable[[], float]) -> None:
        self._most = most
        self._now_s = now_s
        self._windows: OrderedDict[Hashable, Window] = OrderedDict()

    def __len__(self) -> int:
        return len(self._windows)

    def take(self, caller: Hashable) -> bool:
        """Count an event of a caller if there is room for it; tell whether there was."""
        window = self._windows.setdefault(caller, Window(self._most, self._now_s))
        self._windows.move_to_end(caller)
        while len(self._windows) > MOST_CALLERS:
            self._windows.popitem(last=False)
        return window.take()
