"""Engulfing candles, with the filters without which a quarter of all candles would be one.

Around the clock a bar opens where the last one closed, so containment alone says little: the body must also be large,
larger than the one it engulfs, and turn a fall. Written for bullish ones; bearish ones are those of the flipped chart.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from strategies.patterns.chart import Chart

BODY_RATIO: Final = 1.2
BODY_ATR: Final = 0.5
TREND_BARS: Final = 5
TREND_ATR: Final = 1.0


def engulfing(chart: Chart) -> np.ndarray:
    """Return the (k,) rows at which a bullish engulfing candle closes."""
    body = chart.close - chart.open
    last_body = _shift(body, 1)
    contains = (chart.open <= _shift(chart.close, 1)) & (chart.close >= _shift(chart.open, 1))
    large = (body >= -BODY_RATIO * last_body) & (body >= BODY_ATR * chart.atr)
    fall = _shift(chart.close, 1) - _shift(chart.close, 1 + TREND_BARS)
    return np.flatnonzero((last_body < 0) & contains & large & (fall <= -TREND_ATR * chart.atr))


def _shift(values: np.ndarray, bars: int) -> np.ndarray:
    """Return the values so many bars ago; NaN before there were any, which no comparison lets pass."""
    return np.concatenate([np.full(min(bars, len(values)), np.nan), values[: max(0, len(values) - bars)]])
