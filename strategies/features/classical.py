"""The classical indicators, on TA-Lib: oscillators, candle shape, volume, swing and Fibonacci levels, time of day.

Selectable groups of model inputs; reasoning shows them to people as context whether or not they are inputs.
Each is centred and scaled so that it means the same in every market, and flips its sign in a mirrored one where it
has a direction.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from strategies.features.bars import Bars, Column
from strategies.features.horizons import Horizons
from strategies.features.rolling import (
    logarithm,
    rolling_deviation,
    rolling_max,
    rolling_mean,
    rolling_min,
    rolling_sum,
)
from strategies.features.ta import talib
from strategies.market import DAY_MS

TINY: Final = 1e-12
SWING_BARS: Final = 168  # the range whose retracements are the Fibonacci levels
FIBONACCI: Final = (0.236, 0.382, 0.5, 0.618, 0.786)


def oscillator_columns(horizons: Horizons) -> list[Column]:
    """RSI, MACD, ADX and directional movement, ATR, Bollinger, stochastic."""
    warm_ups = {
        "rsi_14": (True, 15),
        "macd_histogram": (True, max(40, horizons.fast_half_life)),
        "adx_14": (False, 28),
        "directional_movement_14": (True, 15),
        "atr_14": (False, max(15, horizons.fast_half_life)),
        "bollinger_position_20": (True, 20),
        "bollinger_width_20": (False, max(20, horizons.fast_half_life)),
        "stochastic_14": (True, 18),
    }
    return [
        Column(name=name, group="oscillators", directional=directional, warm_up=warm_up)
        for name, (directional, warm_up) in warm_ups.items()
    ]


def oscillators(bars: Bars) -> list[np.ndarray]:
    """Return the oscillators centred on 0, with prices in units of the bar deviation."""
    scale = bars.sigma * bars.close
    _, _, histogram = talib.MACD(bars.close, 12, 26, 9)
    plus, minus = (
        talib.PLUS_DI(bars.high, bars.low, bars.close, 14),
        talib.MINUS_DI(bars.high, bars.low, bars.close, 14),
    )
    upper, middle, lower = talib.BBANDS(bars.close, 20, 2.0, 2.0)
    simple = talib.MA_Type.SMA
    stochastic, _ = talib.STOCH(bars.high, bars.low, bars.close, 14, 3, simple, 3, simple)
    return [
        talib.RSI(bars.close, 14) / 100.0 - 0.5,
        histogram / scale,
        talib.ADX(bars.high, bars.low, bars.close, 14) / 100.0,
        (plus - minus) / 100.0,
        logarithm(talib.ATR(bars.high, bars.low, bars.close, 14) / scale + 1e-6),
        (bars.close - middle) / (upper - middle + TINY * bars.close),
        logarithm((upper - lower) / scale + 1e-6),
        stochastic / 100.0 - 0.5,
    ]


def candle_columns(horizons: Horizons) -> list[Column]:
    """Where the close lies in its bar, the body and the wicks."""
    warm = horizons.fast_half_life
    return [
        Column(name="close_location", group="candle", directional=True, warm_up=0),
        Column(name="body", group="candle", directional=True, warm_up=warm),
        Column(name="wick_balance", group="candle", directional=True, warm_up=warm),
        Column(name="wick_length", group="candle", directional=False, warm_up=warm),
    ]


def candle_shape(bars: Bars) -> list[np.ndarray]:
    """Return the shape of every candle; wicks enter as sum and difference, so that a mirrored market is exact."""
    scale = bars.sigma * bars.close
    upper = (bars.high - np.maximum(bars.open, bars.close)) / scale
    lower = (np.minimum(bars.open, bars.close) - bars.low) / scale
    return [
        _close_location(bars),
        (bars.log_close - logarithm(bars.open)) / bars.sigma,
        lower - upper,
        lower + upper,
    ]


def volume_columns(horizons: Horizons) -> list[Column]:
    """Volume against its past, signed volume, OBV and money flow."""
    return [
        Column(name="volume_score", group="volume", directional=False, warm_up=horizons.middle),
        Column(name="volume_short_to_long", group="volume", directional=False, warm_up=horizons.long),
        Column(name="signed_volume", group="volume", directional=True, warm_up=horizons.short),
        Column(name="obv_slope", group="volume", directional=True, warm_up=horizons.short),
        Column(name="mfi_14", group="volume", directional=True, warm_up=15),
    ]


def volumes(bars: Bars) -> list[np.ndarray]:
    """Return volume features; markets without volume give finite values near 0."""
    horizons = bars.horizons
    log_volume = logarithm(bars.volume + 1e-9)
    score = (log_volume - rolling_mean(log_volume, horizons.middle)) / (
        rolling_deviation(log_volume, horizons.middle) + 0.1
    )
    recent = rolling_sum(bars.volume, horizons.short)
    usual = rolling_sum(bars.volume, horizons.long) * (horizons.short / horizons.long)
    balance = talib.OBV(bars.close, bars.volume)
    balance_before = np.full(len(balance), np.nan)
    balance_before[horizons.short :] = balance[: -horizons.short]
    return [
        score,
        logarithm((recent + 1e-9) / (usual + 1e-9)),
        rolling_sum(_close_location(bars) * bars.volume, horizons.short) / (recent + 1e-9),
        (balance - balance_before) / (recent + 1e-9),
        talib.MFI(bars.high, bars.low, bars.close, bars.volume, 14) / 100.0 - 0.5,
    ]


def level_columns(horizons: Horizons) -> list[Column]:
    """Swing levels and the Fibonacci retracements between them."""
    warm = max(SWING_BARS, horizons.fast_half_life)
    return [
        Column(name="swing_position", group="levels", directional=True, warm_up=warm),
        Column(name="swing_range", group="levels", directional=False, warm_up=warm),
        Column(name="swing_age", group="levels", directional=True, warm_up=warm),
        Column(name="fibonacci_distance", group="levels", directional=False, warm_up=warm),
    ]


def levels(bars: Bars) -> list[np.ndarray]:
    """Return where the close stands in the last swing range, and how near it is to a Fibonacci level (in range
    units).
    """
    highest, lowest = rolling_max(bars.high, SWING_BARS), rolling_min(bars.low, SWING_BARS)
    span = highest - lowest + TINY * bars.close
    position = (bars.close - lowest) / span
    nearest = np.min([np.abs(position - level) for level in FIBONACCI], axis=0)
    since_high = np.arange(len(position)) - talib.MAXINDEX(bars.high, SWING_BARS)
    since_low = np.arange(len(position)) - talib.MININDEX(bars.low, SWING_BARS)
    return [
        2.0 * position - 1.0,
        span / (bars.sigma * bars.close * math.sqrt(SWING_BARS)),
        (since_low - since_high) / SWING_BARS,
        nearest,
    ]


def time_columns(horizons: Horizons) -> list[Column]:
    """Hour of the day and day of the week, on circles."""
    names = ("hour_sine", "hour_cosine", "weekday_sine", "weekday_cosine")
    return [Column(name=name, group="time", directional=False, warm_up=0) for name in names]


def times(bars: Bars) -> list[np.ndarray]:
    """Return sine and cosine of the close's time of day and day of the week; each from one scalar call per distinct
    time.
    """
    closed_ms = bars.open_ms.astype(np.int64) + bars.timeframe.ms
    day, week = closed_ms % DAY_MS / DAY_MS, (closed_ms + 3 * DAY_MS) % (7 * DAY_MS) / (7 * DAY_MS)
    return [
        np.array([turn(2.0 * math.pi * part) for part in phase.tolist()])
        for phase in (day, week)
        for turn in (math.sin, math.cos)
    ]


def _close_location(bars: Bars) -> np.ndarray:
    """Return -1 where the bar closed at its low, +1 at its high, 0 where it did not move."""
    found: np.ndarray = (2.0 * bars.close - bars.high - bars.low) / (bars.high - bars.low + TINY * bars.close)
    return found
