"""Derived columns: the ingredients every feature is made of, computed once per slice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strategies.features.horizons import Horizons, horizons_of
from strategies.features.rolling import difference, logarithm, rolling_deviation
from strategies.features.volatility import volatility
from strategies.market import CLOSE, HIGH, LOW, OPEN, OPEN_MS, VOLUME, CandleArray, Timeframe


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Columns of a contiguous slice of candles, (n,) float64 each; `sigma` is NaN while it warms up."""

    open_ms: np.ndarray
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray
    log_close: np.ndarray
    returns: np.ndarray
    sigma: np.ndarray
    deviation: np.ndarray  # of the returns of the middle horizon
    timeframe: Timeframe
    horizons: Horizons


def bars_of(candles: CandleArray, timeframe: Timeframe, sigma: np.ndarray | None = None) -> Bars:
    """Return the ingredients of (n, 6) contiguous candles; `sigma` as `volatility` gives it, where it is known."""
    columns = [np.ascontiguousarray(candles[:, column]) for column in range(6)]
    log_close, horizons = logarithm(columns[CLOSE]), horizons_of(timeframe)
    returns = difference(log_close, 1)
    if sigma is None:
        sigma, _ = volatility(candles, timeframe)
    return Bars(
        open_ms=columns[OPEN_MS],
        open=columns[OPEN],
        high=columns[HIGH],
        low=columns[LOW],
        close=columns[CLOSE],
        volume=columns[VOLUME],
        log_close=log_close,
        returns=returns,
        sigma=sigma,
        deviation=rolling_deviation(returns, horizons.middle),
        timeframe=timeframe,
        horizons=horizons,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One feature: its name, group, whether the mirrored market flips its sign, and the rows before it means
    anything.
    """

    name: str
    group: str
    directional: bool
    warm_up: int
