"""A replayed market: stored parquet files shown again at the speed of the market clock.

Minutes stream from `start_ms`; the hours before come from the 1h files, those inside the minutes' range are summed from
them. Gaps stay gaps, prices and funding times stay as they were given. Where it is asked to, hours without recorded
minutes are expanded into drawn ones (`expanded.py`), and the description says for how many markets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bot.simulator.market.expanded import expanded, hours_without_minutes
from bot.simulator.market.instruments import decimals
from bot.simulator.market.recordings import Recording, read_candles, read_funding
from bot.simulator.market.source import Description, Instrument, aggregate
from strategies.errors import BadInput
from strategies.market import HOUR_MS, MINUTE_MS, OPEN, OPEN_MS, VOLUME, CandleArray, Market

_MIN_NOTIONAL_UNITS = 5 * 100_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tape:
    """One market's recorded past: minutes, hours, funding times and rates."""

    minutes: CandleArray
    hours: CandleArray
    funding_ms: np.ndarray  # (n,) int64
    rates: np.ndarray  # (n,) float64


class ReplayMarket:
    """A `MarketSource` of recorded candles.

    Args:
        candles: folder with `SYMBOL_1m_futures.parquet` and, for the past before, `SYMBOL_1h_futures.parquet`.
        funding: folder with `SYMBOL_funding_futures.parquet`; None or a missing file: no funding is paid.
        symbols: which; in this order.
        start_ms, end_ms: what is streamed; None: as far as every market's minutes reach.
        exchange: name that the markets bear.
        expand: draw the minutes of hours that have none, from `seed`.

    Raises:
        BadInput: a file is missing or unreadable, or the minutes do not cover the range asked for.
    """

    def __init__(
        self,
        candles: Path,
        symbols: Sequence[str],
        funding: Path | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        exchange: str = "builtin",
        *,
        expand: bool = False,
        seed: int = 7,
    ) -> None:
        if not symbols or len(set(symbols)) != len(symbols):
            raise BadInput(f"a replay of {list(symbols)} is asked for; at least one symbol, each once, is needed")
        recordings = {symbol: read_candles(candles, symbol, hours_do=expand) for symbol in symbols}
        first_ms, last_ms = _reach(list(recordings.values()), expand)
        self.start_ms = first_ms if start_ms is None else start_ms
        self.end_ms: int | None = last_ms if end_ms is None else end_ms
        if not first_ms <= self.start_ms < self.end_ms <= last_ms:
            raise BadInput(
                f"a replay from {self.start_ms} to {self.end_ms} is asked for; the minutes of {', '.join(symbols)} "
                f"reach from {first_ms} to {last_ms}"
            )
        if self.start_ms % MINUTE_MS or self.end_ms % MINUTE_MS:
            raise BadInput(f"a replay from {self.start_ms} to {self.end_ms} is asked for; whole minutes are needed")
        self.instruments: dict[str, Instrument] = {}
        self._tapes: dict[str, _Tape] = {}
        drawn = 0
        for symbol, recording in recordings.items():
            funding_ms, rates = read_funding(funding, symbol)
            instrument = _instrument(symbol, exchange, recording, bool(len(rates)), self.start_ms)
            if expand:
                recording, made = _with_minutes(recording, instrument.market, self.start_ms, self.end_ms, seed)
                drawn += made
            self.instruments[symbol] = instrument
            self._tapes[symbol] = _tape(recording, funding_ms, rates)
        span = f"{','.join(symbols)} {self.start_ms}-{self.end_ms}"
        invented = f", minutes of {drawn} of {len(symbols)} markets drawn inside their hours" if drawn else ""
        self.description = Description(
            name=f"replay of {span}{invented}", kind="replay", edge="none", seed=seed if drawn else None
        )

    def instrument_at(self, symbol: str, ms: int) -> Instrument | None:
        """Return an instrument from its listing on; its rules stay."""
        instrument = self.instruments[symbol]
        return instrument if ms >= instrument.onboard_ms else None

    def minutes(self, symbol: str, start_ms: int, end_ms: int) -> CandleArray:
        """Return the recorded minutes with start_ms <= open_ms < end_ms."""
        return _between(self._tapes[symbol].minutes, start_ms, end_ms)

    def hours(self, symbol: str, start_ms: int, end_ms: int) -> CandleArray:
        """Return the hours with start_ms <= open_ms < end_ms."""
        return _between(self._tapes[symbol].hours, start_ms, end_ms)

    def funding(self, symbol: str, start_ms: int, end_ms: int) -> tuple[np.ndarray, np.ndarray]:
        """Return recorded settlements; their times may lie some milliseconds past the hour, as they really did."""
        tape = self._tapes[symbol]
        first, last = np.searchsorted(tape.funding_ms, (start_ms, end_ms))
        return tape.funding_ms[first:last], tape.rates[first:last]


def _reach(recordings: Sequence[Recording], expand: bool) -> tuple[int, int]:
    """Return from when to when every market has minutes, or hours where those are expanded."""
    if expand:
        return max(part.first_ms for part in recordings), min(part.end_ms for part in recordings)
    first_ms = max(int(part.minutes[0, OPEN_MS]) for part in recordings)
    return first_ms, min(int(part.minutes[-1, OPEN_MS]) for part in recordings) + MINUTE_MS


def _with_minutes(
    recording: Recording, market: Market, start_ms: int, end_ms: int, seed: int
) -> tuple[Recording, bool]:
    """Return a recording whose hours within [start, end) all have minutes, and whether any were drawn."""
    bare = hours_without_minutes(recording.hours, recording.minutes, start_ms, end_ms)
    minutes = np.concatenate([recording.minutes, expanded(bare, market, seed)])
    order = np.argsort(minutes[:, OPEN_MS], kind="stable")
    return replace(recording, minutes=minutes[order]), bool(len(bare))


def _between(candles: CandleArray, start_ms: int, end_ms: int) -> CandleArray:
    first, last = np.searchsorted(candles[:, OPEN_MS], (start_ms, end_ms))
    return candles[first : max(first, last)]


def _instrument(symbol: str, exchange: str, recording: Recording, pays_funding: bool, start_ms: int) -> Instrument:
    """Return the instrument on the grid that the minutes lie on; older hours may be finer and keep their digits."""
    tick = recording.step(OPEN, VOLUME, start_ms)
    market = Market(
        exchange=exchange,
        symbol=symbol,
        tick=tick,
        lot=recording.step(VOLUME, VOLUME + 1, start_ms),
        min_notional_units=_MIN_NOTIONAL_UNITS,
        funding_interval_ms=8 * HOUR_MS if pays_funding else 0,
    )
    opens = [int(candles[0, OPEN_MS]) for candles in (recording.minutes, recording.hours) if len(candles)]
    return Instrument(
        market=market,
        base=symbol.removesuffix("USDT"),
        price_decimals=max(decimals(tick), recording.hour_digits(OPEN, VOLUME)),
        quantity_decimals=max(decimals(market.lot), recording.hour_digits(VOLUME, VOLUME + 1)),
        onboard_ms=min(opens),
    )


def _tape(recording: Recording, funding_ms: np.ndarray, rates: np.ndarray) -> _Tape:
    """Join recorded hours with those summed from minutes; an hour whose minutes begin or end inside it is recorded."""
    minutes, recorded = recording.minutes, recording.hours
    summed = aggregate(minutes, HOUR_MS, recording.digits(VOLUME, VOLUME + 1))
    whole_from = int(minutes[0, OPEN_MS]) + -int(minutes[0, OPEN_MS]) % HOUR_MS
    whole_to = (int(minutes[-1, OPEN_MS]) + MINUTE_MS) // HOUR_MS * HOUR_MS
    inside = (summed[:, OPEN_MS] >= whole_from) & (summed[:, OPEN_MS] < whole_to)
    covered = np.isin(recorded[:, OPEN_MS], summed[inside, OPEN_MS])
    partial = summed[~inside & ~np.isin(summed[:, OPEN_MS], recorded[:, OPEN_MS])]
    hours = np.concatenate((recorded[~covered], summed[inside], partial))
    hours = hours[np.argsort(hours[:, OPEN_MS], kind="stable")]
    return _Tape(minutes=minutes, hours=hours, funding_ms=funding_ms, rates=rates)
