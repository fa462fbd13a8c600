"""The rules a model must beat to be worth its trouble: Donchian trend and time-series momentum, long only, and, where
several markets are traded, the market-neutral momentum across them.

All hold a share of the volatility-targeted position, rebalanced outside a no-trade band, through the same kernel at
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
ACROSS = "cross-sectional momentum, market-neutral"
MOMENTUM_DAYS = (7, 14, 28, 60, 90)  # Moskowitz, Ooi & Pedersen 2012, on the horizons crypto trends live
ACROSS_DAYS, ACROSS_MARKETS = 28, 3  # looked back; markets from which some are stronger than others
MONDAY = 4 * DAY_MS  # 00:00 UTC after the epoch, a Thursday


def rule_baselines(
    path: DecisionPath, candles: RunCandles, settings: TradingSettings, *, delay_bars: int = 0
) -> list[Baseline]:
    """Return the rules over a run.

    Args:
        path: of any model over the same candles: which closes are ready, sigma and volatility.
        candles: of the run, with their history before it.
        settings: costs, capital and target volatility are taken over.
        delay_bars: decision candles that every decision comes late.
    """
    channels = decision_path(trend_bundle(candles.timeframe), candles, settings).blended
    shares = {DONCHIAN: channels, MOMENTUM: momentum_shares(path, candles)}
    found = [
        Baseline(
            name=name,
            curve=exposure_curve(_held(path, np.maximum(held, 0.0)), candles, settings, delay_bars=delay_bars),
        )
        for name, held in shares.items()
    ]
    if len(candles.markets) < ACROSS_MARKETS:
        return found
    neutral = _held(path, across_shares(path, candles))
    curve = exposure_curve(neutral, candles, settings, delay_bars=delay_bars, sides="both")
    return [*found, Baseline(name=ACROSS, curve=curve)]


def momentum_shares(path: DecisionPath, candles: RunCandles) -> np.ndarray:
    """Return (d, M): the mean sign of the returns over `MOMENTUM_DAYS`; NaN where the shortest is not known yet."""
    signs = np.sign([moves(path, candles, days) for days in MOMENTUM_DAYS])
    known = np.isfinite(signs)
    mean = np.where(known, signs, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.where(known[0], mean, np.nan)


def across_shares(path: DecisionPath, candles: RunCandles) -> np.ndarray:
    """Return (d, M), -1..1: how much stronger than the others a market was over `ACROSS_DAYS`, each in its own
    volatility; chosen on Mondays and held for the week. NaN where that is not known.
    """
    strength = np.where(path.ready, moves(path, candles, ACROSS_DAYS) / path.volatility, np.nan)
    chosen = np.full(strength.shape, np.nan)
    held = np.full(strength.shape[1], np.nan)
    for row, ms in enumerate(path.ms):
        if (int(ms) - MONDAY) % (7 * DAY_MS) == 0:
            held = _neutral(strength[row])
        chosen[row] = held
    return chosen


def _neutral(strength: np.ndarray) -> np.ndarray:
    known = np.isfinite(strength)
    if known.sum() < ACROSS_MARKETS:
        return np.where(known, 0.0, np.nan)
    away = strength - strength[known].mean()
    scale = np.abs(away[known]).mean()
    return np.clip(away / scale, -1.0, 1.0) if scale > 0 else np.where(known, 0.0, np.nan)


def moves(path: DecisionPath, candles: RunCandles, days: int) -> np.ndarray:
    """Return (d, M): the log return over so many days before each decision; NaN where it is not known."""
    found = np.full(path.conviction.shape, np.nan)
    bars = days * DAY_MS // candles.timeframe.ms
    for index, series in enumerate(candles.decision_candles):
        if bars >= len(series):
            continue
        closes = np.log(series[:, CLOSE])
        inside = np.flatnonzero(series[bars:, OPEN_MS] >= candles.start_ms) + bars
        rows = (series[inside, OPEN_MS].astype(np.int64) - candles.start_ms) // candles.timeframe.ms
        found[rows, index] = closes[inside] - closes[inside - bars]
    return found


def _held(path: DecisionPath, shares: np.ndarray) -> DecisionPath:
    """Return the path that holds `shares`, where a candle is there."""
    conviction = np.where(path.ready, shares, np.nan)
    unknown = np.full(conviction.shape, np.nan)
    return replace(path, conviction=conviction, expected_return=unknown, agreement=np.zeros(conviction.shape))
