"""Stream ticker: what each stream says at a market time, stream names to frames.

Stateless: every frame is read from the chart, so a client that joins late sees what the others see.
"""

from __future__ import annotations

from collections.abc import Iterable

from bot.simulator.market.chart import INTERVALS, Chart
from bot.simulator.protocol.frames import kline_frame, mark_frame
from bot.simulator.protocol.hub import Frame
from strategies.market import CLOSE, MINUTE_MS


class Ticker:
    """Builds the frames of the streams that clients asked for."""

    def __init__(self, chart: Chart) -> None:
        self._chart = chart

    def frames(self, streams: Iterable[str], now_ms: int) -> list[Frame]:
        """Return what the streams say at `now_ms`; a candle that ends at `now_ms` is closed."""
        made = (self._frame(stream, now_ms) for stream in streams)
        return [frame for frame in made if frame is not None]

    def _frame(self, stream: str, now_ms: int) -> Frame | None:
        name, _, topic = stream.partition("@")
        instrument = self._chart.named(name)
        if instrument is None:
            return None
        symbol = instrument.symbol
        if topic.startswith("kline_"):
            return self._kline(stream, symbol, topic.removeprefix("kline_"), now_ms)
        if topic in ("markPrice", "markPrice@1s"):
            return self._mark(stream, symbol, now_ms)
        return None

    def _kline(self, stream: str, symbol: str, interval: str, now_ms: int) -> Frame | None:
        interval_ms = INTERVALS.get(interval)
        instrument = self._chart.instrument(symbol)
        if interval_ms is None or instrument is None:
            return None
        candle = self._chart.candle(symbol, interval_ms, now_ms)
        if candle is None:
            return None
        is_closed = now_ms % interval_ms == 0
        text = kline_frame(instrument, interval, interval_ms, candle, now_ms, is_closed)
        return Frame(stream=stream, text=text, symbol=symbol, open_ms=int(candle[0]), is_closed=is_closed)

    def _mark(self, stream: str, symbol: str, now_ms: int) -> Frame | None:
        instrument = self._chart.instrument(symbol)
        candle = self._chart.candle(symbol, MINUTE_MS, now_ms)
        if candle is None or instrument is None:
            return None
        rate, next_ms = self._chart.premium(symbol, now_ms)
        text = mark_frame(instrument, float(candle[CLOSE]), rate, next_ms, now_ms)
        return Frame(stream=stream, text=text, symbol=symbol, open_ms=int(candle[0]), is_closed=False)
