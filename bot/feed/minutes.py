"""The account minute: all markets of an account meet at the minute's close.

Candles come in order per market, minutes leave in order for the account. What is missing when a minute has to leave is
recorded absent and travels with a later minute as a `LateBar`; a funding rate that missed its minute rides on the next
bar of its market (late rates apply on arrival). Pure: the caller says when to stop waiting.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence

import numpy as np

from bot.feed.candle import ClosedCandle
from strategies.kernel.state import NO_RATE
from strategies.market import MINUTE_MS, Market
from strategies.minute import AccountMinute, LateBar

OWED_LIMIT = 32  # unsettled funding times remembered per market; the oldest is given up first


class MinuteBarrier:
    """Collects the candles and funding rates of one account and releases its minutes.

    Attributes:
        head_ms: open of the minute to leave next.
        progress_ms: (markets,) open of the candle each market delivers next.
    """

    def __init__(
        self, markets: Sequence[Market], *, progress_ms: Sequence[int], head_ms: int, counters: Counter[str]
    ) -> None:
        self.markets = tuple(markets)
        self.head_ms = head_ms
        self.progress_ms = np.array(progress_ms, np.int64)
        self._index = {market.symbol: index for index, market in enumerate(self.markets)}
        self._interval_ms = np.array([market.funding_interval_ms for market in self.markets], np.int64)
        self._bars: dict[int, np.ndarray] = {}  # minute -> (markets, 5) int64; zeros where nothing came
        self._rates: dict[tuple[int, int], int] = {}  # (market, funding time) -> rate whose bar has not left yet
        self._late_bars: list[LateBar] = []
        self._owed: list[deque[int]] = [
            deque(maxlen=OWED_LIMIT) for _ in self.markets
        ]  # funding times whose minute left without a rate
        self._late_rates: list[deque[int]] = [deque() for _ in self.markets]
        self._counters = counters

    def offer(self, candle: ClosedCandle) -> None:
        """Take the next candle of a market: into its minute, or behind it when that has left."""
        index = self._index[candle.symbol]
        market = self.markets[index]
        bar = np.empty(5, np.int64)
        bar[:4] = market.ticks(np.array(candle.values[:4]))
        bar[4] = market.lots(candle.values[4])
        self.progress_ms[index] = candle.open_ms + MINUTE_MS
        if candle.open_ms >= self.head_ms:
            self._minute(candle.open_ms)[index] = bar
            return
        rate = self._rates.pop((index, candle.open_ms), NO_RATE)
        self._late_bars.append(LateBar(market=index, open_ms=candle.open_ms, bar=bar, funding_e8=rate))
        self._counters["late_bars"] += 1

    def skip(self, symbol: str, until_ms: int) -> None:
        """Record that the exchange has no candles of `symbol` before `until_ms`."""
        index = self._index[symbol]
        self.progress_ms[index] = max(int(self.progress_ms[index]), until_ms)
        for key in sorted(key for key in self._rates if key[0] == index and key[1] < min(until_ms, self.head_ms)):
            self._late_rates[index].append(self._rates.pop(key))

    def fund(self, symbol: str, settled_ms: int, rate_e8: int) -> None:
        """Take a settled funding rate; one already known, or off the market's schedule, is ignored."""
        index = self._index[symbol]
        interval_ms = int(self._interval_ms[index])
        if not interval_ms or settled_ms % interval_ms:
            self._counters["funding_off_schedule"] += 1
            return
        key = (index, settled_ms)
        if settled_ms >= self.head_ms:
            self._rates.setdefault(key, rate_e8)
        elif settled_ms in self._owed[index]:
            self._owed[index].remove(settled_ms)
            self._counters["late_funding"] += 1
            if self.progress_ms[index] <= settled_ms:
                self._rates[key] = rate_e8  # its candle is still to come, and will bring it along
            else:
                self._late_rates[index].append(rate_e8)

    def waiting(self) -> np.ndarray:
        """Return (markets,) bool: whose candle or funding rate the head minute still lacks."""
        return (self.progress_ms <= self.head_ms) | self.unfunded(self.head_ms)

    def unfunded(self, minute_ms: int) -> np.ndarray:
        """Return (markets,) bool: whose funding settles at this minute and has not come."""
        missing = np.zeros(len(self.markets), bool)
        for index in np.flatnonzero((self._interval_ms > 0) & (minute_ms % np.maximum(self._interval_ms, 1) == 0)):
            missing[index] = (int(index), minute_ms) not in self._rates
        return missing

    def owed_funding(self, now_ms: int) -> dict[str, int]:
        """Return per symbol the earliest funding time up to `now_ms` whose rate has not come."""
        owed = {}
        for index, market in enumerate(self.markets):
            first_ms = self._first_owed(index)
            if first_ms is not None and first_ms <= now_ms:
                owed[market.symbol] = first_ms
        return owed

    def next_owed_ms(self) -> int | None:
        """Return the earliest funding time, past or to come, whose rate is not here; None when nothing settles."""
        first = (self._first_owed(index) for index in range(len(self.markets)))
        return min((settles_ms for settles_ms in first if settles_ms is not None), default=None)

    def has_any(self) -> bool:
        """Tell whether at least one candle of the head minute is here."""
        return self.head_ms in self._bars

    def release(self) -> AccountMinute:
        """Return the head minute as it stands and move on; whoever is missing is absent in it."""
        open_ms = self.head_ms
        bars = self._bars.pop(open_ms, np.zeros((len(self.markets), 5), np.int64))
        present = bars[:, 3] > 0
        late_bars = tuple(sorted(self._late_bars, key=lambda late: (late.open_ms, late.market)))
        not_ready = ~present
        not_ready[[late.market for late in late_bars]] = True
        funding_e8 = self._settle(open_ms, present)
        self._late_bars = []
        self.head_ms = open_ms + MINUTE_MS
        self._counters["absent"] += int((~present).sum())
        return AccountMinute(
            open_ms=open_ms, bars=bars, present=present, funding_e8=funding_e8, late_bars=late_bars, not_ready=not_ready
        )

    def _settle(self, open_ms: int, present: np.ndarray) -> np.ndarray:
        rates = np.full(len(self.markets), NO_RATE, np.int64)
        settles = (self._interval_ms > 0) & (open_ms % np.maximum(self._interval_ms, 1) == 0)
        for index in map(int, np.flatnonzero(settles)):
            if (index, open_ms) not in self._rates:
                self._owed[index].append(open_ms)
            elif present[index]:
                rates[index] = self._rates.pop((index, open_ms))
        for index in map(int, np.flatnonzero(present & (rates == NO_RATE))):
            if self._late_rates[index]:
                rates[index] = self._late_rates[index].popleft()
        return rates

    def _first_owed(self, index: int) -> int | None:
        if self._owed[index]:
            return self._owed[index][0]
        interval_ms = int(self._interval_ms[index])
        if not interval_ms:
            return None
        settles_ms = -(-self.head_ms // interval_ms) * interval_ms
        while (index, settles_ms) in self._rates:
            settles_ms += interval_ms
        return settles_ms

    def _minute(self, open_ms: int) -> np.ndarray:
        bars = self._bars.get(open_ms)
        if bars is None:
            bars = self._bars[open_ms] = np.zeros((len(self.markets), 5), np.int64)
        return bars
