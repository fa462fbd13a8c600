"""How fast one may ask: every caller has a count of its own, so strangers use up nobody's but their own."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from bot.web.caller import Caller

WINDOW_S: Final = 60.0
MOST_CALLERS: Final = 512
IPV6_PREFIX: Final = 64  # one household's


class Rate:
    """Counts requests of the last minute by caller; the callers that were silent longest are forgotten first.

    Args:
        requests_per_minute: taken of one caller.
        now_s: seconds that only go forward.
    """

    def __init__(self, requests_per_minute: int, now_s: Callable[[], float]) -> None:
        self._most = requests_per_minute
        self._now_s = now_s
        self._recent: OrderedDict[str, deque[float]] = OrderedDict()

    def is_too_fast(self, caller: Caller, address: str) -> bool:
        """Count a request and return whether it is one too many."""
        name = caller.name or f"address {_household(address)}"
        recent = self._recent.setdefault(name, deque(maxlen=self._most))
        self._recent.move_to_end(name)
        while len(self._recent) > MOST_CALLERS:
            self._recent.popitem(last=False)
        now_s = self._now_s()
        if len(recent) == self._most and now_s - recent[0] < WINDOW_S:
            return True
        recent.append(now_s)
        return False


def _household(address: str) -> str:
    """Return an address, or the network that one IPv6 client may choose its addresses from."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        return str(ip_network((found, IPV6_PREFIX), strict=False))
    return str(found)
