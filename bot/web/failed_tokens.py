"""Tokens that were refused, in the log: who tried, where, how often; a flood fills neither the log nor the memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import structlog

QUIET_S: Final = 60.0  # between two lines about one address
MOST_ADDRESSES: Final = 512


class FailedTokens:
    """Counts attempts by address and logs them: the first at once, the others once a minute with their number."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()  # last line, attempts since

    def add(self, address: str, path: str) -> None:
        """Record one attempt; the token itself is never kept."""
        now_s = self._now_s()
        told_s, attempts = self._seen.pop(address, (float("-inf"), 0))
        attempts += 1
        if now_s - told_s >= QUIET_S:
            structlog.get_logger("web").warning("token refused", address=address, path=path[:80], attempts=attempts)
            told_s, attempts = now_s, 0
        self._seen[address] = (told_s, attempts)
        while len(self._seen) > MOST_ADDRESSES:
            self._seen.popitem(last=False)
