"""The market as it can be seen at a moment: closed candles, the forming one, nothing of the future.

The only way from a source to the wire. Every answer is cut at `now_ms`; the minute in progress shows the part of its
path that has been walked.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from bot.simulator.market.source import EMPTY, Instrument, MarketSource, aggregate, hour_of
from strategies.market import HOUR_MS, MINUTE_MS, OPEN_MS, CandleArray

INTERVALS: Final = {
    "1m": MINUTE_MS,
    "3m": 3 * MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "1h": HOUR_MS,
    "2h": 2 * HOUR_MS,
    "4h": 4 * HOUR_MS,
    "6h": 6 * HOUR_MS,
    "8h": 8 * HOUR_MS,
    "12h": 12 * HOUR_MS,
    "1d": 24 * HOUR_MS,
}


class Chart:
    """What a source shows at a given market time."""

    def __init__(self, source: MarketSource) -> None:
        self._source = source

    def candles(self, symbol: str, interval_ms: int, start_ms: int, end_ms: int, now_ms: int) -> CandleArray:
        """Return candles with start_ms <= open_ms < end_ms that opened before `now_ms`; the last may be forming."""
        start_ms += -start_ms % interval_ms
        end_ms = min(end_ms, now_ms)
        if end_ms <= start_ms:
            return EMPTY
        stop_ms = min(now_ms, end_ms - 1 - (end_ms - 1) % interval_ms + interval_ms)  # the last candle's end, or now
        decimals = self._source.instruments[symbol].quantity_decimals
        if interval_ms < HOUR_MS:
            fine = self._minutes(symbol, start_ms, stop_ms)
        else:
            this_hour = max(start_ms, hour_of(stop_ms))
            closed = self._source.hours(symbol, start_ms, this_hour)
            forming = aggregate(self._minutes(symbol, this_hour, stop_ms), HOUR_MS, decimals)
            fine = np.concatenate((closed, forming))
        return fine if interval_ms == MINUTE_MS else aggregate(fine, interval_ms, decimals)

    def candle(self, symbol: str, interval_ms: int, now_ms: int) -> np.ndarray | None:
        """Return the (6,) candle of the interval in which the millisecond before `now_ms` lies, as of `now_ms`.

        On the candle's end it is the whole candle. None: nothing was traded in it.
        """
        open_ms = (now_ms - 1) - (now_ms - 1) % interval_ms
        candles = self.candles(symbol, interval_ms, open_ms, open_ms + 1, now_ms)
        return candles[0] if len(candles) else None

    def funding(self, symbol: str, start_ms: int, end_ms: int, now_ms: int) -> tuple[np.ndarray, np.ndarray]:
        """Return settled funding with start_ms <= time < end_ms."""
        return self._source.funding(symbol, start_ms, min(end_ms, now_ms + 1))

    def premium(self, symbol: str, now_ms: int) -> tuple[float, int]:
        """Return the last settled funding rate (0 before the first) and the time of the next settlement."""
        instrument = self._source.instrument_at(symbol, now_ms) or self._source.instruments[symbol]
        interval_ms = instrument.market.funding_interval_ms
        _, rates = self._source.funding(symbol, now_ms - 2 * interval_ms, now_ms + 1)
        return float(rates[-1]) if len(rates) else 0.0, now_ms - now_ms % interval_ms + interval_ms

    def page(
        self, symbol: str, interval_ms: int, limit: int, start_ms: int | None, end_ms: int | None, now_ms: int
    ) -> CandleArray:
        """Return up to `limit` candles: the first from `start_ms` on, or the last before `end_ms`, else the latest.

        Args:
            start_ms: first open; None: count back from the end.
            end_ms: opens lie before it; None: up to now.
        """
        onboard_ms = self._source.instruments[symbol].onboard_ms
        stop_ms = now_ms if end_ms is None else min(end_ms, now_ms)
        span_ms = limit * interval_ms
        found: CandleArray = EMPTY
        if start_ms is not None:
            window_ms = max(start_ms, onboard_ms - interval_ms + 1)
            while len(found) < limit and window_ms < stop_ms:
                more = self.candles(symbol, interval_ms, window_ms, min(window_ms + span_ms, stop_ms), now_ms)
                found = np.concatenate((found, more))
                window_ms += span_ms
            return found[:limit]
        window_end = stop_ms
        while len(found) < limit and window_end > onboard_ms:
            more = self.candles(symbol, interval_ms, window_end - span_ms, window_end, now_ms)
            found = np.concatenate((more, found))
            window_end -= span_ms
        return found[-limit:]

    def instrument(self, symbol: str) -> Instrument | None:
        """Return the instrument of that name, if it is listed."""
        return self._source.instruments.get(symbol)

    def named(self, text: str) -> Instrument | None:
        """Return the instrument that a stream or a request means, however it spells the letters."""
        found = self._source.instruments.get(text) or self._source.instruments.get(text.upper())
        if found is not None:
            return found
        folded = text.casefold()
        return next((item for name, item in self._source.instruments.items() if name.casefold() == folded), None)

    def instruments(self, now_ms: int) -> list[Instrument]:
        """Return what is listed at `now_ms`."""
        found = (self._source.instrument_at(symbol, now_ms) for symbol in self._source.instruments)
        return [instrument for instrument in found if instrument is not None]

    def _minutes(self, symbol: str, start_ms: int, now_ms: int) -> CandleArray:
        """Return the minutes from `start_ms` to `now_ms`; the one in progress shows what has happened of it."""
        if start_ms >= now_ms:
            return EMPTY  # not even the day that it lies in has to be drawn
        minutes = self._source.minutes(symbol, start_ms, now_ms)
        if not len(minutes):
            return minutes
        age_ms = now_ms - int(minutes[-1, OPEN_MS])
        if age_ms >= MINUTE_MS:
            return minutes
        decimals = self._source.instruments[symbol].quantity_decimals
        return np.concatenate((minutes[:-1], forming(minutes[-1], age_ms / MINUTE_MS, decimals)[None]))


def forming(minute: np.ndarray, share: float, quantity_decimals: int) -> np.ndarray:
    """Return what a (6,) minute looked like after `share` of it: it turns at a third and two thirds of its time.

    Prices jump from the open to one extreme, then to the other; which comes first alternates, whatever the close.
    """
    open_ms, open_, high, low, _, volume = minute
    turns = (low, high) if open_ms // MINUTE_MS % 2 else (high, low)
    seen = [open_, *turns[: int(share * 3)]]
    return np.array([open_ms, open_, max(seen), min(seen), seen[-1], round(volume * share, quantity_decimals)])
