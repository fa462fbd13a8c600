"""Slippage by turnover: as stated when a market joins an account, or what one class over a run would have cost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from strategies.kernel.settings import ExecutionSettings
from strategies.market import CLOSE, DAY_MS, OPEN_MS, VOLUME
from strategies.universe.slippage import DAYS, slippage_bps, with_slippage
from training.backtest.run_candles import RunCandles


def market_slippages(candles: RunCandles) -> np.ndarray:
    """Return (M,) basis points by each market's median daily turnover over the run."""
    return np.array([slippage_bps(daily_turnover(series, candles)) for series in candles.decision_candles])


def daily_turnover(series: np.ndarray, candles: RunCandles) -> float:
    """Return the median quote volume of a day over the run's decision candles; 0 without candles."""
    inside = series[series[:, OPEN_MS] >= candles.start_ms]
    if not len(inside):
        return 0.0
    days = (inside[:, OPEN_MS] // DAY_MS).astype(np.int64)
    return float(np.median(np.bincount(days - days[0], inside[:, VOLUME] * inside[:, CLOSE])))


def as_joined(candles: RunCandles, execution: ExecutionSettings) -> RunCandles:
    """Return the run whose markets state the slippage of their class, where the settings want that.

    The class is that of the run's start, or of the day on which a younger market has the days that count.
    """
    markets = []
    for market, series in zip(candles.markets, candles.decision_candles, strict=True):
        known_ms = int(series[0, OPEN_MS]) + DAYS * DAY_MS if len(series) else 0
        at_ms = max(candles.start_ms, known_ms)
        markets.append(with_slippage(market, series, candles.timeframe, at_ms, execution))
    return replace(candles, markets=tuple(markets))
