"""Chart context: what a chart reader would remark on, RSI, Fibonacci, patterns, trend, Bollinger, swings, volume.

For people only: shown beside a signal as context, never part of what decided unless a model has these columns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from strategies.features.bars import bars_of
from strategies.features.classical import FIBONACCI, SWING_BARS
from strategies.features.slope import slope_score, trend_word
from strategies.features.ta import talib
from strategies.market import CandleArray, Timeframe
from strategies.patterns import last_pattern, title

NEAR_LEVEL: Final = 0.015  # of the swing range: the price is "at" a level
PATTERN_BARS: Final = 12  # a pattern confirmed longer ago is no longer news
TREND_BARS: Final = 48
_RECENT: Final = 3 * SWING_BARS  # rows that the indicators need; the rest of the slice is left alone
_CANDLE_PATTERNS: Final = {
    "CDLHAMMER": ("hammer", ""),
    "CDLSHOOTINGSTAR": ("", "shooting star"),
    "CDLMORNINGSTAR": ("morning star", ""),
    "CDLEVENINGSTAR": ("", "evening star"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartContext:
    """Classical readings of the last candle; NaN where there is too little history.

    Attributes:
        rsi, adx: 0..100. `macd_histogram`: in per-bar deviations.
        bollinger: 0 at the middle band, +-1 at the outer ones.
        fibonacci: the retracement level (0.236 .. 0.786, measured from the top of the swing) the price is at, or NaN.
        swing_position: 0 at the low, 1 at the high of the last 168 bars.
        volume_ratio: volume of the last 24 bars against the usual.
        pattern: the chart pattern confirmed last and how long ago, or "".
        trend: rise of the line through the last 48 closes, in deviations of such a move.
        patterns: candle patterns that end here.
    """

    rsi: float
    adx: float
    macd_histogram: float
    bollinger: float
    fibonacci: float
    swing_position: float
    volume_ratio: float
    pattern: str
    trend: float
    patterns: tuple[str, ...]

    def remarks(self) -> list[str]:
        """Return what stands out, the most telling first; nothing when nothing does."""
        return [remark for remark in (*self._levels(), self.pattern, *self._strength(), *self.patterns) if remark]

    def _levels(self) -> list[str]:
        remarks = []
        if self.rsi <= 30 or self.rsi >= 70:
            remarks.append(f"RSI {'oversold' if self.rsi <= 30 else 'overbought'} ({self.rsi:.0f})")
        elif math.isfinite(self.rsi):
            remarks.append(f"RSI {self.rsi:.0f}")
        if math.isfinite(self.fibonacci):
            role = "support" if self.swing_position >= 0.5 else "resistance"
            remarks.append(f"price at Fibonacci {self.fibonacci:.3f} {role}")
        return remarks

    def _strength(self) -> list[str]:
        remarks = []
        if math.isfinite(self.trend):
            remarks.append(f"{TREND_BARS}-bar trend {trend_word(self.trend)} ({self.trend:+.1f}σ)")
        if abs(self.bollinger) >= 1.0:
            remarks.append(f"close {'above the upper' if self.bollinger > 0 else 'below the lower'} Bollinger band")
        if self.swing_position >= 0.98:
            remarks.append(f"at the high of {SWING_BARS} bars")
        if self.swing_position <= 0.02:
            remarks.append(f"at the low of {SWING_BARS} bars")
        if self.adx >= 30:
            remarks.append(f"strong trend (ADX {self.adx:.0f})")
        if self.volume_ratio >= 1.5:
            remarks.append(f"volume {self.volume_ratio:.1f} times the usual")
        return remarks


def chart_context(candles: CandleArray, timeframe: Timeframe) -> ChartContext:
    """Return the classical readings of the last of (n, 6) contiguous candles."""
    bars = bars_of(candles[-_RECENT:], timeframe)
    _, _, histogram = talib.MACD(bars.close, 12, 26, 9)
    upper, middle, _ = talib.BBANDS(bars.close, 20, 2.0, 2.0)
    high, low = float(bars.high[-SWING_BARS:].max()), float(bars.low[-SWING_BARS:].min())
    close, span = float(bars.close[-1]), high - low
    position = (close - low) / span if span > 0 and len(bars.close) >= SWING_BARS else math.nan
    short = float(bars.volume[-24:].mean())
    usual = float(bars.volume.mean())
    return ChartContext(
        rsi=_last(talib.RSI(bars.close, 14)),
        adx=_last(talib.ADX(bars.high, bars.low, bars.close, 14)),
        macd_histogram=_last(histogram) / (_last(bars.sigma) * close),
        bollinger=(close - _last(middle)) / max(_last(upper) - _last(middle), 1e-12 * close),
        fibonacci=_nearest_level(1.0 - position),
        swing_position=position,
        volume_ratio=short / usual if usual > 0 else math.nan,
        pattern=_pattern(candles[-_RECENT:]),
        trend=_last(slope_score(bars.log_close, bars.sigma, TREND_BARS)),
        patterns=_candle_patterns(bars.open, bars.high, bars.low, bars.close),
    )


def _last(column: np.ndarray) -> float:
    return float(column[-1]) if len(column) else math.nan


def _nearest_level(retraced: float) -> float:
    """Return the Fibonacci level within `NEAR_LEVEL` of a retracement, or NaN."""
    if not math.isfinite(retraced):
        return math.nan
    level = min(FIBONACCI, key=lambda candidate: abs(candidate - retraced))
    return level if abs(level - retraced) <= NEAR_LEVEL else math.nan


def _pattern(candles: CandleArray) -> str:
    hit = last_pattern(candles, PATTERN_BARS)
    if hit is None:
        return ""
    age = len(candles) - 1 - int(hit["confirm"])
    when = f"{age} bar{'s' if age != 1 else ''} ago" if age else "just confirmed"
    return f"{title(hit)} {when} at {hit['level']:.6g}"


def _candle_patterns(*prices: np.ndarray) -> tuple[str, ...]:
    found = []
    for function, (bullish, bearish) in _CANDLE_PATTERNS.items():
        value = int(getattr(talib, function)(*prices)[-1])
        name = bullish if value > 0 else bearish if value < 0 else ""
        if name:
            found.append(name)
    return tuple(found)
