"""The rules a model must beat to be worth its trouble: Donchian trend and time-series momentum, long only.

Both hold a share of the volatility-targeted position, rebalanced outside a no-trade band, through the same kernel at
the same costs and funding. Walk-forward reports stand them beside every model.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from strategies.bundle.bundle import trend_bundle
from strategies.kernel.settings import TradingSettings
from strategies.market import CLOSE, DAY_MS, OPEN_MS
from training.backtest.baselines import Baseline, exposure_curve
from training.backtest.decision_path import DecisionPath, decision_path
from training.backtest.run_candles import RunCandles

DONCHIAN, MOMENTUM = "Donchian trend, long only", "time-series momentum, long only"
MOMENTUM_DAYS = (7, 14, 28, 60, 90)  # Moskowitz, Ooi & Pedersen 2012, on the horizons crypto trends live


def rule_baselines(
    path: DecisionPath, candles: RunCandles, settings: TradingSettings, *, delay_bars: int = 0
) -> list[Baseline]:
    """Return both rules over a run.

    Args:
        path: of any model over the same candles: which closes are ready, sigma and volatility.
        candles: of the run, with their history before it.
        settings: costs, capital and target volatility are taken over.
        delay_bars: decision candles that every decision comes late.
    """
    channels = decision_path(trend_bundle(candles.timeframe), candles, settings).blended
    shares = {DONCHIAN: channels, MOMENTUM: momentum_shares(path, candles)}
    return [
        Baseline(name=name, curve=exposure_curve(_held(path, held), candles, settings, delay_bars=delay_bars))
        for name, held in shares.items()
    ]


def momentum_shares(path: DecisionPath, candles: RunCandles) -> np.ndarray:
    """Return (d, M): the mean sign of the returns over `MOMENTUM_DAYS`; NaN where the shortest is not known yet."""
    shares = np.full(path.conviction.shape, np.nan)
    for index, series in enumerate(candles.decision_candles):
        closes = np.log(series[:, CLOSE])
        signs = np.full((len(MOMENTUM_DAYS), len(series)), np.nan)
        for row, days in enumerate(MOMENTUM_DAYS):
            bars = days * DAY_MS // candles.timeframe.ms
            signs[row, bars:] = np.sign(closes[bars:] - closes[:-bars]) if bars < len(series) else np.nan
        known = np.isfinite(signs[0])
        mean = np.where(known, np.nansum(signs, axis=0) / np.maximum(np.isfinite(signs).sum(axis=0), 1), np.nan)
        inside = series[:, OPEN_MS] >= candles.start_ms
        rows = (series[inside, OPEN_MS].astype(np.int64) - candles.start_ms) // candles.timeframe.ms
        shares[rows, index] = mean[inside]
    return shares


def _held(path: DecisionPath, shares: np.ndarray) -> DecisionPath:
    """Return the path that holds the long part of `shares`, where a candle is there."""
    conviction = np.where(path.ready, np.maximum(shares, 0.0), np.nan)
    unknown = np.full(conviction.shape, np.nan)
    return replace(path, conviction=conviction, expected_return=unknown, agreement=np.zeros(conviction.shape))
