"""Request weight: how much of it an exchange says is used, and the pause that keeps us under its limit.

Binance counts weight by the minute and says the count with every answer; Bybit says how many requests are left. An
exchange that says nothing is paced by ccxt alone. Many requests may run at once: each waits here before it is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

SHARE: Final = 0.8  # of the limit; the rest is for what else this address asks
LIMITS: Final = {"binance": 6000, "binanceusdm": 2400, "builtin": 2400}  # weight a minute
PROBE_S: Final = 2.0  # between two looks whether a new minute has begun there
USED: Final = "x-mbx-used-weight-1m"
LONGEST: Final = 12  # digits of a count
LEFT, LIMIT = "x-bapi-limit-status", "x-bapi-limit"


class WeightGauge:
    """Holds requests back while the weight of the running minute is nearly used up.

    Args:
        exchange: the name in config.toml.
        probe_s: wall seconds between two requests that only ask how much is used by now.
    """

    def __init__(self, exchange: str, probe_s: float | None = None) -> None:
        self._limit = float(LIMITS.get(exchange, 0))
        self._probe_s = PROBE_S if probe_s is None else probe_s
        self._used = 0.0
        self._cost = 1.0  # weight of a request, as measured
        self._in_flight = 0
        self._turn = asyncio.Lock()
        self._answer = asyncio.Event()
        self.waits = 0

    async def passed(self) -> None:
        """Wait until another request fits, and count it; one at a time is sent to see when the minute is over."""
        async with self._turn:
            if self._is_full():
                self.waits += 1
                await asyncio.sleep(self._probe_s)
            while self._is_full() and self._in_flight:
                self._answer.clear()
                await self._answer.wait()
            self._in_flight += 1

    def answered(self, headers: Mapping[str, Any]) -> None:
        """Take what the headers of an answer say; call it once for each `passed`, failures included."""
        self._in_flight = max(0, self._in_flight - 1)
        self._answer.set()
        known = {name.lower(): str(value) for name, value in headers.items()}
        if _is_count(known.get(USED, "")):
            used = float(known[USED])
            if used > self._used:
                self._cost = 0.8 * self._cost + 0.2 * min(50.0, used - self._used)
            self._used = used
        elif _is_count(known.get(LEFT, "")) and _is_count(known.get(LIMIT, "")):
            self._limit = float(known[LIMIT])
            self._used = self._limit - float(known[LEFT])

    def _is_full(self) -> bool:
        return self._limit > 0 and self._used + (self._in_flight + 1) * self._cost > SHARE * self._limit


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= LONGEST
