"""The funding rates of an account's markets: which have come, which are owed, which were charged.

A rate goes with the bar at its time. One that missed its minute is owed, and rides on the market's next bar when it
comes. Rates off the schedule that we know count like the others: where an interval may have changed unseen, at a start
and when the rules say so, the exchange is asked from then on whatever the schedule says. Pure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from strategies.kernel.state import NO_RATE
from strategies.market import DAY_MS, HOUR_MS, MINUTE_MS

OWED_LIMIT = 32  # unsettled funding times remembered per market; the oldest is given up first
OWED_MS = DAY_MS  # a rate that has not come for so long is not asked for any more
SETTLED_KEPT = 64  # charged funding times remembered per market, so that none is charged twice


class FundingBook:
    """Rates by market index and funding time."""

    def __init__(self, progress_ms: Sequence[int]) -> None:
        """Begin.

        Args:
            progress_ms: (markets,) open of the candle each market delivers first; rates from before are not ours.
        """
        self._rates: dict[tuple[int, int], int] = {}  # (market, funding time) -> rate whose bar has not left yet
        self._owed: list[deque[int]] = [deque(maxlen=OWED_LIMIT) for _ in progress_ms]
        self._late: list[deque[int]] = [deque() for _ in progress_ms]  # rates whose bars have left
        self._settled: list[deque[int]] = [deque(maxlen=SETTLED_KEPT) for _ in progress_ms]
        self._since_ms = list(progress_ms)
        self._unsure_ms: list[int | None] = list(progress_ms)  # rates from here on may be off the schedule
        self.interval_ms = np.zeros(len(progress_ms), np.int64)

    def owe(self, owed_ms: Sequence[Sequence[int]]) -> None:
        """Note funding times from before whose rates never came, per market."""
        for owed, before in zip(self._owed, owed_ms, strict=False):
            owed.extend(before)

    def renew(self, interval_ms: np.ndarray) -> None:
        """Go by other intervals, (markets,) ms; 0: nothing settles."""
        self.interval_ms = interval_ms

    def admit(self, index: int, open_ms: int) -> None:
        """Take in a market that joins with a minute, or that is back."""
        if index == len(self._owed):
            self._owed.append(deque(maxlen=OWED_LIMIT))
            self._late.append(deque())
            self._settled.append(deque(maxlen=SETTLED_KEPT))
            self._since_ms.append(open_ms)
            self._unsure_ms.append(None)
        self._owed[index].clear()
        self._late[index].clear()
        self._since_ms[index], self._unsure_ms[index] = open_ms, None
        for key in [key for key in self._rates if key[0] == index]:
            del self._rates[key]

    def changed(self, index: int, before_ms: int, open_ms: int) -> None:
        """Note that a market's interval was `before_ms` up to the minute at `open_ms`: it may have changed earlier."""
        last_ms = open_ms // before_ms * before_ms + MINUTE_MS if before_ms else open_ms
        self._unsure_ms[index] = max(last_ms, self._since_ms[index])

    def is_off_schedule(self, index: int, settled_ms: int) -> bool:
        """Tell whether a rate comes at a time at which none is expected."""
        interval_ms = int(self.interval_ms[index])
        return not interval_ms or settled_ms % interval_ms != 0

    def take(self, index: int, settled_ms: int, rate_e8: int, head_ms: int, progress_ms: int) -> bool | None:
        """Take a settled rate.

        Args:
            head_ms: minute that leaves next.
            progress_ms: candle that the market delivers next.

        Returns:
            Whether it is late; None: it is not ours, or known.
        """
        is_owed = settled_ms in self._owed[index]
        if settled_ms < self._since_ms[index] and not is_owed:
            return None
        if (index, settled_ms) in self._rates or settled_ms in self._settled[index]:
            return None
        unsure_ms = self._unsure_ms[index]
        if unsure_ms is not None and 0 <= settled_ms - unsure_ms < HOUR_MS:
            self._unsure_ms[index] = None
        if is_owed:
            self._owed[index].remove(settled_ms)
        if settled_ms >= head_ms or progress_ms <= settled_ms:
            self._rates[(index, settled_ms)] = rate_e8  # its candle is still to come, and will bring it along
        else:
            self._settled[index].append(settled_ms)
            self._late[index].append(rate_e8)
        return settled_ms < head_ms

    def answered(self, index: int, asked_ms: int) -> None:
        """Note that every rate of a market up to `asked_ms` has been asked for."""
        unsure_ms = self._unsure_ms[index]
        if unsure_ms is not None and _hour_from(unsure_ms) <= asked_ms:
            self._unsure_ms[index] = None

    def skip(self, index: int, until_ms: int) -> None:
        """Let the rates before `until_ms` ride on a later bar: the market has no candles there."""
        for key in sorted(key for key in self._rates if key[0] == index and key[1] < until_ms):
            self._late[index].append(self._rates.pop(key))
            self._settled[index].append(key[1])

    def unfunded(self, minute_ms: int) -> np.ndarray:
        """Return (markets,) bool: whose funding settles at this minute, or may, and has not come."""
        missing = np.zeros(len(self._owed), bool)
        for index in self._settling(minute_ms):
            missing[index] = True
        if minute_ms % HOUR_MS == 0:
            for index, unsure_ms in enumerate(self._unsure_ms):
                missing[index] |= bool(unsure_ms is not None and unsure_ms <= minute_ms and self.interval_ms[index])
        for index in map(int, np.flatnonzero(missing)):
            missing[index] = (index, minute_ms) not in self._rates
        return missing

    def asked_from(self, index: int, head_ms: int, progress_ms: int) -> tuple[int, int] | None:
        """Return (when, since) of the next question for a market's rates: due at `when`, for those from `since` on."""
        interval_ms, owed = int(self.interval_ms[index]), self._owed[index]
        if not interval_ms:
            return None
        while owed and owed[0] < min(head_ms - OWED_MS, progress_ms):
            owed.popleft()
        first_ms = owed[0] if owed else -(-head_ms // interval_ms) * interval_ms
        while (index, first_ms) in self._rates:
            first_ms += interval_ms
        unsure_ms = self._unsure_ms[index]
        if unsure_ms is None:
            return first_ms, first_ms
        return min(first_ms, _hour_from(unsure_ms)), min(first_ms, unsure_ms)

    def next_settling_ms(self, after_ms: int) -> int | None:
        """Return when some market settles next after a time, or may; None where nothing does."""
        intervals = self.interval_ms[self.interval_ms > 0]
        times = [int(found) for found in (after_ms // intervals + 1) * intervals]
        unsure = (_hour_from(unsure_ms) for unsure_ms in self._unsure_ms if unsure_ms is not None)
        return min((*times, *(found for found in unsure if found > after_ms)), default=None)

    def of_bar(self, index: int, settled_ms: int) -> int:
        """Return the rate that settles at a bar's open, which is charged with it; NO_RATE where none is known."""
        rate = self._rates.pop((index, settled_ms), NO_RATE)
        if rate != NO_RATE:
            self._settled[index].append(settled_ms)
        return rate

    def of_minute(self, open_ms: int, present: np.ndarray) -> np.ndarray:
        """Return (markets,) int64 the rates charged in a minute that leaves; what it lacks is owed from now on.

        Args:
            present: (markets,) bool: whose bar is in it.
        """
        rates = np.full(len(self._owed), NO_RATE, np.int64)
        for index in self._settling(open_ms):
            if (index, open_ms) not in self._rates:
                self._owed[index].append(open_ms)
        for index in map(int, np.flatnonzero(present)):
            rates[index] = self.of_bar(index, open_ms)
            if rates[index] == NO_RATE and self._late[index]:
                rates[index] = self._late[index].popleft()
        return rates

    def _settling(self, open_ms: int) -> list[int]:
        settles = (self.interval_ms > 0) & (open_ms % np.maximum(self.interval_ms, 1) == 0)
        return [int(index) for index in np.flatnonzero(settles)]


def _hour_from(ms: int) -> int:
    """Return the first whole hour at or after a time: what settles, settles on the hour."""
    return -(-ms // HOUR_MS) * HOUR_MS
