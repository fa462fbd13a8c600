"""Grace time: how long a closed candle is waited for before REST is asked, `[feed] grace_s` at least; longer where the
exchange's closes are seen to come later.

An exchange that closes after 2,049 ms would otherwise be asked for every candle of every market, every minute. While a
market's own clock stands, because it waits for us, the wait is counted in real time: else it would last for ever.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final

from bot.clock import Clock, ScaledClock, steady_ms

REMEMBERED: Final = 256  # closes, over all markets
SHARE: Final = 0.98  # of them that should be in time
MARGIN: Final = 1.2
EVERY: Final = 16  # closes between two reckonings


class Grace:
    """Learns from closes.

    Attributes:
        seconds: wall seconds to wait.
    """

    def __init__(self, least_s: float, most_s: float) -> None:
        """Begin with `least_s` and never wait longer than `most_s`."""
        self.seconds = least_s
        self._least_s = least_s
        self._most_s = max(least_s, most_s)
        self._delays: deque[float] = deque(maxlen=REMEMBERED)
        self._count = 0
        self._stands_at_ms, self._since_ms = -1, 0  # the market time last seen, and the steady time of that

    def closed(self, delay_s: float) -> None:
        """Take how long after its end a candle was called closed."""
        if not 0 <= delay_s <= 2 * self._most_s:
            return  # an outage, not the exchange's habit
        self._delays.append(delay_s)
        self._count += 1
        if self._count % EVERY and self._count > EVERY:
            return
        ordered = sorted(self._delays)
        usual_s = ordered[min(len(ordered) - 1, math.ceil(SHARE * len(ordered)) - 1)]
        self.seconds = min(max(self._least_s, MARGIN * usual_s), self._most_s)

    def due_ms(self, clock: Clock) -> int:
        """Return the market time up to which every close should be here."""
        now_ms = clock.now_ms()
        if now_ms != self._stands_at_ms:
            self._stands_at_ms, self._since_ms = now_ms, steady_ms()
        stood_s = (steady_ms() - self._since_ms) / 1000 if isinstance(clock, ScaledClock) else 0.0
        return now_ms - round(max(0.0, self.seconds - stood_s) * clock.speed * 1000)
