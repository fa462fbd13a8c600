"""The generated market: a function of (seed, time), endless, correlated, fat-tailed, with clusters of volatility.

Hours are walked in blocks (`walks.py`), minutes are drawn inside the hours (`paths.py`): a candle is the same whatever
was asked before, and an hour is exactly the sum of its minutes. Knows no clock: it answers for any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

import numpy as np

from bot.simulator.market.instruments import listed
from bot.simulator.market.source import EMPTY, Description, Instrument
from bot.simulator.market.walks import BLOCK_MS, Walk, Weather, cached_blocks
from strategies.errors import BadInput
from strategies.market import DAY_MS, HOUR_MS, MINUTE_MS, OPEN_MS, CandleArray

DEMO_START_MS: Final = 1_735_689_600_000  # 2025-01-01
DEMO_SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
_BASE_RATE: Final = 1e-4  # Binance's interest part of funding per 8 h
FUNDING_MS: Final = 8 * HOUR_MS
_MOST_RATE: Final = 3e-3
_WEATHER_FROM_MS: Final = 1_577_836_800_000  # 2020-01-01, before every listing
_CACHED_DAYS: Final = 4  # a market, of 69 kB each
_LEAST_CACHED_DAYS: Final = 64  # of all markets


class GeneratedMarket:
    """A `MarketSource` of invented candles.

    Args:
        seed: the market's identity.
        symbols: see `instruments.listed`.
        edge: strength a of the planted drift a*sigma*tanh(2*momentum of 24 h) per hour; 0: a fair walk.
        start_ms: where the market clock begins.
        history_days: show no candles from longer before; None: from the listings on.
        exchange: name that the markets bear.
        hourly_funding: give a rate for every hour, for a source around this one that chooses among them.

    Raises:
        BadInput: a value out of range.
    """

    def __init__(
        self,
        seed: int = 1,
        symbols: Sequence[str] = DEMO_SYMBOLS,
        edge: float = 0.0,
        start_ms: int = DEMO_START_MS,
        history_days: int | None = None,
        exchange: str = "builtin",
        hourly_funding: bool = False,
    ) -> None:
        if not 0 <= edge <= 0.5:
            raise BadInput(f"edge is {edge}; the planted drift per hour must be 0 to 0.5 deviations")
        if seed < 0:
            raise BadInput(f"seed is {seed}; a whole number >= 0 is needed")
        members = listed(symbols, exchange)
        self._settles_ms = HOUR_MS if hourly_funding else FUNDING_MS
        self.start_ms = start_ms - start_ms % MINUTE_MS
        shown_ms = 0 if history_days is None else self.start_ms // DAY_MS * DAY_MS - history_days * DAY_MS
        self.instruments = {
            symbol: replace(instrument, onboard_ms=max(instrument.onboard_ms, shown_ms))
            for symbol, (instrument, _) in members.items()
        }
        self.end_ms: int | None = None
        latest = max(instrument.onboard_ms for instrument in self.instruments.values())
        if self.start_ms < latest:
            raise BadInput(f"the generated market starts at {self.start_ms}, before its last listing at {latest}")
        planted = f"planted {edge:g} x sigma x tanh(2 x 24 h momentum) per hour" if edge else "none"
        self.description = Description(name="demo market", kind="generated", edge=planted, seed=seed)
        weather = Weather(seed, _WEATHER_FROM_MS // BLOCK_MS)
        self._walks = {
            symbol: Walk(
                seed, instrument.market, instrument.onboard_ms, temperament, edge, weather, cached_blocks(len(members))
            )
            for symbol, (instrument, temperament) in members.items()
        }
        cached_days = max(_LEAST_CACHED_DAYS, _CACHED_DAYS * len(members))
        self._day = lru_cache(maxsize=cached_days)(self._minutes_of_day)

    def instrument_at(self, symbol: str, ms: int) -> Instrument | None:
        """Return an instrument from its listing on; its rules stay."""
        instrument = self.instruments[symbol]
        return instrument if ms >= instrument.onboard_ms else None

    def minutes(self, symbol: str, start_ms: int, end_ms: int) -> CandleArray:
        """Return the 1m candles with start_ms <= open_ms < end_ms."""
        start_ms = max(start_ms, self.instruments[symbol].onboard_ms)
        days = [self._day(symbol, day) for day in range(start_ms // DAY_MS, -(-end_ms // DAY_MS))]
        return _cut(days, start_ms, end_ms)

    def hours(self, symbol: str, start_ms: int, end_ms: int) -> CandleArray:
        """Return the 1h candles with start_ms <= open_ms < end_ms."""
        walk = self._walks[symbol]
        start_ms = max(start_ms, self.instruments[symbol].onboard_ms)
        return _cut([walk.candles(block) for block in walk.blocks(start_ms, end_ms)], start_ms, end_ms)

    def funding(self, symbol: str, start_ms: int, end_ms: int) -> tuple[np.ndarray, np.ndarray]:
        """Return settlement times and rates: the base rate leaning with the 72 h momentum, as crowds pay for it."""
        walk = self._walks[symbol]
        start_ms = max(start_ms, self.instruments[symbol].onboard_ms)
        times, momenta = [np.empty(0, np.int64)], [np.empty(0)]
        for block in walk.blocks(start_ms, end_ms):
            opens = walk.candles(block)[:, OPEN_MS].astype(np.int64)
            settled = (opens % self._settles_ms == 0) & (opens >= start_ms) & (opens < end_ms)
            times.append(opens[settled])
            momenta.append(walk.momenta(block)[settled])
        rates = _BASE_RATE * (1 + 1.5 * np.concatenate(momenta))
        return np.concatenate(times), np.round(np.clip(rates, -_MOST_RATE, _MOST_RATE), 8)

    def _minutes_of_day(self, symbol: str, day: int) -> CandleArray:
        return self._walks[symbol].minutes(day * DAY_MS)


def _cut(parts: Sequence[CandleArray], start_ms: int, end_ms: int) -> CandleArray:
    """Return the candles of `parts` whose open lies in [start_ms, end_ms)."""
    if not parts:
        return EMPTY
    candles = np.concatenate(parts) if len(parts) > 1 else parts[0]
    first, last = np.searchsorted(candles[:, OPEN_MS], (start_ms, end_ms))
    return candles[first : max(first, last)]
