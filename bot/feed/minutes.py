"""The account minute: all markets of an account meet at the minute's close.

Candles come in order per market, minutes leave in order for the account. What is missing when a minute has to leave is
recorded absent and travels with a later minute as a `LateBar`; a funding rate that missed its minute rides on the next
bar of its market (late rates apply on arrival). Markets that join, change or leave do so with a minute, whose bars are
in their new units already. Pure: the caller says when to stop waiting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bot.feed.candle import ClosedCandle
from bot.feed.funding_book import FundingBook
from bot.feed.lobby import Lobby, Values, fits_grid
from strategies.market import MINUTE_MS, Market, MarketStatus
from strategies.minute import AccountMinute, Command, LateBar


class MinuteBarrier:
    """Collects the candles and funding rates of one account and releases its minutes.

    Attributes:
        markets: of the account by index, those that left among them.
        head_ms: open of the minute to leave next.
        progress_ms: (markets,) open of the candle each market delivers next.
        off_grid: markets that printed a price between two ticks, or a volume between two lots: their rules are asked
            for before the minute leaves.
    """

    def __init__(
        self,
        markets: Sequence[Market],
        *,
        progress_ms: Sequence[int],
        head_ms: int,
        counters: Counter[str],
    ) -> None:
        """Begin with the minute at `head_ms`.

        Args:
            markets: of the account by index.
            progress_ms: open of the candle each market delivers first.
            head_ms: open of the minute to leave first.
            counters: told what happened.
        """
        self.markets = list(markets)
        self.head_ms = head_ms
        self.progress_ms = np.array(progress_ms, np.int64)
        self.off_grid: set[str] = set()
        self.lobby = Lobby()
        self._index = {market.symbol: index for index, market in enumerate(self.markets)}
        self._values: dict[int, dict[int, Values]] = {}  # minute -> by market what came
        self._funding = FundingBook(progress_ms)
        self._late: list[tuple[int, int, Values, int]] = []  # market, open, values, rate
        self._accepted_grids: set[str] = set()
        self._ignored: set[str] = set()
        self._counters = counters
        self._renew()

    def offer(self, candle: ClosedCandle) -> None:
        """Take the next candle of a market: into its minute, or behind it when that has left."""
        index = self._index.get(candle.symbol)
        if index is None or not self.markets[index].is_member:
            self.lobby.offer(candle)
            return
        self._look_at_grid(self.markets[index], candle.values)
        self.progress_ms[index] = candle.open_ms + MINUTE_MS
        if candle.open_ms >= self.head_ms:
            self._values.setdefault(candle.open_ms, {})[index] = candle.values
            return
        rate = self._funding.of_bar(index, candle.open_ms)
        self._late.append((index, candle.open_ms, candle.values, rate))
        self._counters["late_bars"] += 1

    def skip(self, symbol: str, until_ms: int) -> None:
        """Record that the exchange has no candles of `symbol` before `until_ms`."""
        index = self._index.get(symbol)
        if index is None:
            return
        self.progress_ms[index] = max(int(self.progress_ms[index]), until_ms)
        self._funding.skip(index, min(until_ms, self.head_ms))

    def fund(self, symbol: str, settled_ms: int, rate_e8: int) -> None:
        """Take a settled funding rate, on the market's schedule or off it; one already known is ignored."""
        index = self._index.get(symbol)
        if index is None or not self.markets[index].is_member:
            return
        is_late = self._funding.take(index, settled_ms, rate_e8, self.head_ms, int(self.progress_ms[index]))
        if is_late is not None:
            self._counters["late_funding"] += is_late
            self._counters["funding_off_schedule"] += self._funding.is_off_schedule(index, settled_ms)

    def owe(self, owed_ms: Sequence[Sequence[int]]) -> None:
        """Note funding times from before the first minute whose rates never came, per market."""
        self._funding.owe(owed_ms)

    def answer_funding(self, symbol: str, asked_ms: int) -> None:
        """Note that every rate of a market up to `asked_ms` has been asked for, and was answered."""
        index = self._index.get(symbol)
        if index is not None:
            self._funding.answered(index, asked_ms)

    def waiting(self) -> np.ndarray:
        """Return (markets,) bool: whose candle or funding rate the head minute still lacks."""
        found: np.ndarray = self._trades & ((self.progress_ms <= self.head_ms) | self.unfunded(self.head_ms))
        return found

    def is_held(self) -> bool:
        """Tell whether the head minute should wait for a market's rules, or for one that is about to join."""
        return bool(self.off_grid) or self.lobby.is_awaited(self.head_ms)

    def unfunded(self, minute_ms: int) -> np.ndarray:
        """Return (markets,) bool: whose funding settles at this minute and has not come."""
        return self._funding.unfunded(minute_ms)

    def owed_funding(self, now_ms: int) -> dict[str, int]:
        """Return per symbol from when on its rates have to be asked for, where that is due by `now_ms`."""
        due = ((market.symbol, self._next_question(index)) for index, market in enumerate(self.markets))
        return {symbol: asked[1] for symbol, asked in due if asked is not None and asked[0] <= now_ms}

    def next_owed_ms(self) -> int | None:
        """Return when the next question for rates is due, past or to come; None when nothing settles."""
        asked = (self._next_question(index) for index in range(len(self.markets)))
        return min((part[0] for part in asked if part is not None), default=None)

    def next_settling_ms(self, after_ms: int) -> int | None:
        """Return when some market settles next after a time, whatever is owed from before; None when nothing does."""
        return self._funding.next_settling_ms(after_ms)

    def has_any(self) -> bool:
        """Tell whether at least one candle of the head minute is here."""
        return self.head_ms in self._values

    def release(self) -> AccountMinute:
        """Return the head minute as it stands and move on; whoever is missing is absent in it."""
        open_ms = self.head_ms
        commands = self._changes(open_ms)
        bars, present = np.zeros((len(self.markets), 5), np.int64), np.zeros(len(self.markets), bool)
        for index, values in self._values.pop(open_ms, {}).items():
            bars[index], present[index] = self._bar(index, values), True
        late_bars = tuple(
            LateBar(market=index, open_ms=late_ms, bar=self._bar(index, values), funding_e8=rate)
            for index, late_ms, values, rate in sorted(self._late, key=lambda late: (late[1], late[0]))
        )
        not_ready = ~present
        not_ready[[late.market for late in late_bars]] = True
        funding_e8 = self._funding.of_minute(open_ms, present)
        self._late = []
        self.head_ms = open_ms + MINUTE_MS
        self._counters["absent"] += int((self._trades & ~present).sum())
        return AccountMinute(
            open_ms=open_ms,
            bars=bars,
            present=present,
            funding_e8=funding_e8,
            late_bars=late_bars,
            not_ready=not_ready,
            commands=commands,
        )

    def sync(self, markets: Sequence[Market]) -> None:
        """Take the account's markets as they are after the last minute."""
        if list(markets) != self.markets:
            self.markets = list(markets)
            self._accepted_grids.clear()
            self._renew()

    def is_halted(self, symbol: str) -> bool:
        """Tell whether the exchange has stopped a member: nothing is asked for until it trades again."""
        index = self._index.get(symbol)
        return index is not None and self.markets[index].status is MarketStatus.HALTED

    def has_silent(self, quiet_ms: int) -> bool:
        """Tell whether a market that should trade owes candles of more than `quiet_ms`."""
        return bool((self._trades & (self.progress_ms < self.head_ms - quiet_ms)).any())

    def ignore(self, symbol: str) -> None:
        """Wait for nothing of a market any more: it is not watched."""
        self._ignored.add(symbol)
        self._renew()

    def accept_grid(self, symbol: str) -> None:
        """Note that the exchange stands by a market's grid: what lies between is rounded, and counted."""
        self.off_grid.discard(symbol)
        self._accepted_grids.add(symbol)

    def ask_again(self) -> None:
        """Look at every market's grid anew: its rules have just been read."""
        self._accepted_grids.clear()

    def _changes(self, open_ms: int) -> tuple[Command, ...]:
        """Return what joins, changes and leaves with this minute, by index, and count in the new units from here on."""
        commands: list[Command] = []
        for command in self.lobby.take(open_ms):
            assert command.spec is not None
            symbol = command.spec.symbol
            index = self._index.get(symbol, len(self.markets))
            is_member = index < len(self.markets) and self.markets[index].is_member
            if command.kind != "join" and not is_member:
                continue  # it has left since that was asked for
            if command.kind == "join":
                self._admit(index, command.spec, open_ms)
            elif command.kind == "change":
                before_ms = self.markets[index].funding_interval_ms
                if before_ms != command.spec.funding_interval_ms:
                    self._funding.changed(index, before_ms, open_ms)
                self.markets[index] = command.spec
            else:
                command = replace(command, spec=self.markets[index])  # with the rules of this minute
            self.off_grid.discard(symbol)
            commands.append(replace(command, market=index))
        if commands:
            self._renew()
        return tuple(commands)

    def _admit(self, index: int, market: Market, open_ms: int) -> None:
        self._ignored.discard(market.symbol)
        if index == len(self.markets):
            self.markets.append(market)
            self._index[market.symbol] = index
            self.progress_ms = np.append(self.progress_ms, open_ms)
        self._funding.admit(index, open_ms)
        self.markets[index], self.progress_ms[index] = market, open_ms
        self._renew()
        for candle in self.lobby.candles(market.symbol, open_ms):
            self.offer(candle)

    def _renew(self) -> None:
        interval_ms = np.array([market.funding_interval_ms for market in self.markets], np.int64)
        watched = [market.is_member and market.symbol not in self._ignored for market in self.markets]
        interval_ms[~np.array(watched, bool)] = 0
        self._funding.renew(interval_ms)
        self._trades = np.array(watched, bool) & [market.status is not MarketStatus.HALTED for market in self.markets]

    def _look_at_grid(self, market: Market, values: Values) -> None:
        if fits_grid(market, values):
            return
        self._counters["off_grid"] += 1
        if market.symbol not in self._accepted_grids:
            self.off_grid.add(market.symbol)

    def _bar(self, index: int, values: Values) -> np.ndarray:
        market, bar = self.markets[index], np.empty(5, np.int64)
        bar[:4] = market.ticks(np.array(values[:4]))
        bar[4] = market.lots(values[4])
        return bar

    def _next_question(self, index: int) -> tuple[int, int] | None:
        return self._funding.asked_from(index, self.head_ms, int(self.progress_ms[index]))
