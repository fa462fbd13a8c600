"""Markets with a life: a late listing, finer ticks, smaller lots, other funding intervals, halts, an announced end.

A `MarketSource` around another one. The source beneath trades on the finest grid from the beginning; what it says of a
time before a change is rounded to the grid of that time, which keeps highs above lows and hours above their minutes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, TypeVar

import numpy as np

from bot.simulator.market.source import Description, Instrument, MarketSource
from strategies.market import DAY_MS, HOUR_MS, MINUTE_MS, OPEN, OPEN_MS, VOLUME, CandleArray, Market, MarketStatus

Value = TypeVar("Value")
FUNDING_MS: Final = 8 * HOUR_MS  # the longest time between two settlements of a source
NOTICE_MS: Final = 3 * DAY_MS  # an end is announced so long before
SETTLING_MS: Final = DAY_MS  # it is listed as settling so long after
YOUNG_D: Final = 125  # days for which the demo's young market has been listed; the models' warm-up is 131 at 1h


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What happens to one market; times on the hour.

    Attributes:
        ticks, lots: (from, step) ascending, before the first of them the source's own holds.
        funding: (from, interval in ms) likewise.
        halts: [from, to) without trading.
        begins_ms: listed then, where that is later than the source says; 0: as the source says.
        ends_ms: no candle opens at or after it; 0: it goes on for ever.
        notice_ms: the end is announced so long before; 0: it comes without a word.
    """

    ticks: tuple[tuple[int, Decimal], ...] = ()
    lots: tuple[tuple[int, Decimal], ...] = ()
    funding: tuple[tuple[int, int], ...] = ()
    halts: tuple[tuple[int, int], ...] = ()
    begins_ms: int = 0
    ends_ms: int = 0
    notice_ms: int = NOTICE_MS

    def market_at(self, market: Market, ms: int) -> Market:
        """Return a market's rules at a time."""
        return replace(
            market,
            tick=_latest(self.ticks, ms, market.tick),
            lot=_latest(self.lots, ms, market.lot),
            funding_interval_ms=_latest(self.funding, ms, market.funding_interval_ms),
            status=self._status(ms),
        )

    def _status(self, ms: int) -> MarketStatus:
        if self.ends_ms and ms >= self.ends_ms:
            return MarketStatus.GONE
        halted = any(start_ms <= ms < end_ms for start_ms, end_ms in self.halts)
        return MarketStatus.HALTED if halted else MarketStatus.TRADING


class LivingMarket:
    """A `MarketSource` whose instruments have lives."""

    def __init__(self, source: MarketSource, lives: Mapping[str, Life]) -> None:
        """Take a source and what happens to some of its symbols; its funding is given every hour."""
        self._source = source
        self._lives = {symbol: life for symbol, life in lives.items() if symbol in source.instruments}
        self.description: Description = source.description
        self.instruments: dict[str, Instrument] = {
            symbol: replace(known, onboard_ms=max(known.onboard_ms, self._life(symbol).begins_ms))
            for symbol, known in source.instruments.items()
        }
        self.start_ms, self.end_ms = source.start_ms, source.end_ms
        self._listed = {symbol: self._versions(symbol) for symbol in self.instruments}

    def instrument_at(self, symbol: str, ms: int) -> Instrument | None:
        """Return an instrument as it is listed at a time; None: not yet, or no longer."""
        borders, listed = self._listed[symbol]
        return listed[bisect_right(borders, ms)]

    def _versions(self, symbol: str) -> tuple[list[int], list[Instrument | None]]:
        """Return when a listing changes, and what is listed before the first of these times and from each on."""
        life, instrument = self._life(symbol), self.instruments[symbol]
        times = {instrument.onboard_ms, *(ms for ms, _ in (*life.ticks, *life.lots, *life.funding))}
        times |= {ms for halt in life.halts for ms in halt}
        if life.ends_ms:
            times |= {life.ends_ms - life.notice_ms, life.ends_ms, life.ends_ms + SETTLING_MS}
        borders = sorted(times)
        return borders, [None, *(self._listed_at(instrument, life, ms) for ms in borders)]

    @staticmethod
    def _listed_at(instrument: Instrument, life: Life, ms: int) -> Instrument | None:
        if ms < instrument.onboard_ms or (life.ends_ms and ms >= life.ends_ms + SETTLING_MS):
            return None
        announced = life.ends_ms if life.ends_ms and life.notice_ms and ms >= life.ends_ms - life.notice_ms else 0
        return replace(instrument, market=life.market_at(instrument.market, ms), delivery_ms=announced)

    def minutes(self, symbol: str, start_ms: int, end_ms: int) -> CandleArray:
        """Return the 1m candles with start_ms <= open_ms < end_ms."""
        return self._lived(symbol, self._source.minutes(symbol, start_ms, end_ms))

    def hours(self, symbol: str, start_ms: int, end_ms: int) -> CandleArray:
        """Return the 1h candles with start_ms <= open_ms < end_ms."""
        return self._lived(symbol, self._source.hours(symbol, start_ms, end_ms))

    def funding(self, symbol: str, start_ms: int, end_ms: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the settlements at the intervals of their times."""
        life, instrument = self._life(symbol), self.instruments[symbol]
        since_ms = start_ms - FUNDING_MS if life.funding else start_ms
        times, rates = self._source.funding(symbol, since_ms, end_ms)
        if life.funding:
            times, rates = _at_intervals(times, rates, start_ms, end_ms)
        kept = (times >= instrument.onboard_ms) & (times % self._intervals(symbol, times) < MINUTE_MS)
        if life.ends_ms:
            kept &= times < life.ends_ms
        return times[kept], rates[kept]

    def _intervals(self, symbol: str, times: np.ndarray) -> np.ndarray:
        """Return the ms between two settlements that hold at each time."""
        usual_ms, steps = self.instruments[symbol].market.funding_interval_ms, self._life(symbol).funding
        held = np.array([usual_ms, *(interval_ms for _, interval_ms in steps)], np.int64)
        reached = np.searchsorted(np.array([from_ms for from_ms, _ in steps], np.int64), times, side="right")
        return np.maximum(held[reached], 1)

    def _life(self, symbol: str) -> Life:
        return self._lives.get(symbol, Life())

    def _lived(self, symbol: str, candles: CandleArray) -> CandleArray:
        life = self._lives.get(symbol)
        if life is None or not len(candles):
            return candles
        opens = candles[:, OPEN_MS]
        there = opens >= life.begins_ms
        if life.ends_ms:
            there &= opens < life.ends_ms
        for start_ms, end_ms in life.halts:
            there &= (opens < start_ms) | (opens >= end_ms)
        lived = candles[there].copy()
        _round(lived, slice(OPEN, VOLUME), life.ticks)
        _round(lived, slice(VOLUME, VOLUME + 1), life.lots)
        return lived


def _at_intervals(times: np.ndarray, rates: np.ndarray, start_ms: int, end_ms: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a settlement for every hour: the source's own, else the latest rate before it."""
    hours = np.arange(-(-start_ms // HOUR_MS) * HOUR_MS, end_ms, HOUR_MS, dtype=np.int64)
    latest = np.searchsorted(times, hours + MINUTE_MS) - 1
    known = latest >= 0
    own = known & (times[np.maximum(latest, 0)] >= hours) if len(times) else known
    found_ms = np.where(own, times[np.maximum(latest, 0)], hours) if len(times) else hours
    return found_ms[known], rates[latest[known]]


def _round(candles: CandleArray, columns: slice, steps: tuple[tuple[int, Decimal], ...]) -> None:
    """Round to each step's grid from its time to the next one's."""
    for number, (from_ms, step) in enumerate(steps):
        until_ms = steps[number + 1][0] if number + 1 < len(steps) else np.inf
        rows = (candles[:, OPEN_MS] >= from_ms) & (candles[:, OPEN_MS] < until_ms)
        numerator, denominator = step.as_integer_ratio()
        counts = np.maximum(np.rint(candles[rows, columns] * denominator / numerator), 1.0)
        candles[rows, columns] = counts * numerator / denominator


def _latest(steps: tuple[tuple[int, Value], ...], ms: int, first: Value) -> Value:
    reached = [value for from_ms, value in steps if from_ms <= ms]
    return reached[-1] if reached else first


def demo_lives(start_ms: int) -> dict[str, Life]:
    """Return what happens in the demo's first market month, so that everybody sees it."""

    def at(day: int, hour: int = 0) -> int:
        return start_ms - start_ms % HOUR_MS + day * DAY_MS + hour * HOUR_MS

    return {
        "XRPUSDT": Life(ticks=((0, Decimal("0.001")), (at(4, 9), Decimal("0.0001")))),
        "LINKUSDT": Life(funding=((0, 8 * HOUR_MS), (at(6), 4 * HOUR_MS), (at(11), HOUR_MS))),
        "SUIUSDT": Life(begins_ms=at(-YOUNG_D)),
        "LTCUSDT": Life(lots=((0, Decimal("0.002")), (at(8, 7), Decimal("0.001"))), halts=((at(10, 3), at(10, 9)),)),
        "DOGEUSDT": Life(ends_ms=at(16, 9)),
    }
