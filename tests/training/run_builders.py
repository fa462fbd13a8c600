"""A generated account world for backtests: hourly history, minutes of a run, and a bundle that trades often."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from strategies.bundle.bundle import Bundle, trend_bundle
from strategies.kernel.settings import TradingSettings
from strategies.market import (
    CLOSE,
    HIGH,
    HOUR_MS,
    LOW,
    MINUTE_MS,
    OPEN,
    OPEN_MS,
    VOLUME,
    CandleArray,
    Market,
    Timeframe,
)
from strategies.predictors.base import PreparedSlice

START_MS = 1_746_403_200_000  # 2025-05-05 00:00 UTC
HISTORY_HOURS = 3_400
MARKETS = (
    Market(exchange="binanceusdm", symbol="BTCUSDT", tick=Decimal("0.1"), lot=Decimal("0.001")),
    Market(exchange="binanceusdm", symbol="ETHUSDT", tick=Decimal("0.01"), lot=Decimal("0.001")),
)


class MomentumPredictor:
    """The last six hours' return in the market's own deviations: trades often, knows nothing."""

    family = "momentum"

    def scores(self, slices: Sequence[PreparedSlice]) -> list[np.ndarray]:
        return [self._score(part) for part in slices]

    def _score(self, part: PreparedSlice) -> np.ndarray:
        close = np.log(part.candles[:, CLOSE])
        moved = np.full(len(close), np.nan)
        moved[6:] = close[6:] - close[:-6]
        return (moved / part.sigma)[part.first :]


def momentum_bundle(*, trained_until_ms: int = 0, purge_ms: int = 0) -> Bundle:
    """Return a bundle of the momentum predictor alone; it expects no return, so the cost filter is off."""
    updates = {
        "families": ("momentum",),
        "weights": {"momentum": 1.0},
        "deviations": {"momentum": 2.0},
        "trained_until_ms": trained_until_ms,
        "purge_ms": purge_ms,
    }
    manifest = trend_bundle().manifest.model_copy(update=updates)
    return Bundle("b-momentum", manifest, None, [MomentumPredictor()])


def walk(market: Market, open_ms: np.ndarray, last: float, sigma: float, rng: np.random.Generator) -> CandleArray:
    """Return random-walk candles on the market's grid; each opens where the one before closed."""
    closes = last * np.exp(np.cumsum(rng.standard_t(5, len(open_ms)) * sigma))
    opens = np.append(last, closes[:-1])
    spread = np.abs(rng.standard_normal((2, len(open_ms)))) * sigma * opens
    candles = np.empty((len(open_ms), 6))
    candles[:, OPEN_MS], candles[:, OPEN], candles[:, CLOSE] = open_ms, opens, closes
    candles[:, HIGH] = np.maximum(opens, closes) + spread[0]
    candles[:, LOW] = np.minimum(opens, closes) - spread[1]
    candles[:, VOLUME] = rng.exponential(50.0, len(open_ms))
    return market.candles(open_ms, market.bars(candles))


def histories(seed: int = 1) -> list[CandleArray]:
    """Return per market the hourly candles that end at `START_MS`."""
    rng = np.random.default_rng(seed)
    open_ms = START_MS - HOUR_MS * np.arange(HISTORY_HOURS, 0, -1)
    return [walk(market, open_ms, last, 0.006, rng) for market, last in zip(MARKETS, (60_000.0, 3_000.0), strict=True)]


def minutes(before: Sequence[CandleArray], hours: int, seed: int = 2) -> list[CandleArray]:
    """Return per market the minutes of the run, going on from the history."""
    rng = np.random.default_rng(seed)
    open_ms = START_MS + MINUTE_MS * np.arange(hours * 60)
    return [
        walk(market, open_ms, float(part[-1, CLOSE]), 0.0009, rng) for market, part in zip(MARKETS, before, strict=True)
    ]


def hourly(candles: CandleArray) -> CandleArray:
    """Return whole hours of a minute series, made the plain way."""
    hours = candles[: len(candles) // 60 * 60].reshape(-1, 60, 6)
    made = hours[:, 0].copy()
    made[:, HIGH], made[:, LOW] = hours[:, :, HIGH].max(1), hours[:, :, LOW].min(1)
    made[:, CLOSE], made[:, VOLUME] = hours[:, -1, CLOSE], hours[:, :, VOLUME].sum(1)
    return made


def settings(**decision: object) -> TradingSettings:
    """Return the default settings, opening and closing, with some of `[decision]` changed."""
    tree = TradingSettings().model_dump()
    tree["decision"] |= {"timeframe": Timeframe.H1, "mode": "discrete", **decision}
    return TradingSettings.model_validate(tree)
