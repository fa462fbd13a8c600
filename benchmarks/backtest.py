"""How long a whole 1h backtest takes after start-up: features, inference, execution, metrics, baselines.

    python -m benchmarks.backtest [--candles BTCUSDT_1h_futures.parquet] [--bundle FOLDER]

Without candles it generates six years of them; without a bundle it trains one (XGBoost, default settings) before the
clock runs. The rival is backtesting.py on the same bars with the convictions given to it ready-made, so it stands
beside our execution and metrics on the same ready-made convictions (`given_bars_per_s`). It knows no funding, no
sizing and no protections.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq

from benchmarks.figures import Figure, show
from storage.candles.store import Source, StoredCandles
from storage.config.training import ValidationSettings
from strategies.bundle.bundle import Bundle, load
from strategies.errors import BadInput
from strategies.features import feature_set
from strategies.kernel.settings import DecisionSettings, TradingSettings
from strategies.market import CLOSE, HIGH, HOUR_MS, LOW, OPEN, OPEN_MS, VOLUME, CandleArray, Market, Timeframe
from training.backtest.run import BacktestResult, backtest, begin_account, run_path
from training.backtest.run_candles import HISTORY_DECISIONS, assemble
from training.backtest.scorecard import Scorecard
from training.backtest.scoring import scorecard
from training.data.dataset import Dataset, market_segments
from training.ensemble.bundle import train
from training.ensemble.families import XGBoostFamily
from training.ensemble.plan import Plan

BARS: Final = 51_000
REPEATS: Final = 3
EDGE: Final = 0.08  # drift of a generated bar in deviations, with the recent move
MARKET: Final = Market(exchange="benchmark", symbol="BTCUSDT", tick=Decimal("0.1"), lot=Decimal("0.001"))
NO_FUNDING: Final = (np.zeros(0, np.int64), np.zeros(0, np.int64))
OPENS_AND_CLOSES: Final = TradingSettings(decision=DecisionSettings(mode="discrete"))  # as its rival does
RIVAL: Final = "backtesting.py"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backtest", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--candles", type=Path, help="parquet with timestamp, open, high, low, close, volume; hourly")
    parser.add_argument("--bundle", type=Path, help="folder of a 1h bundle; without it one is trained first")
    options = parser.parse_args()
    candles = read_candles(options.candles) if options.candles else generated_candles()
    bundle = load(options.bundle) if options.bundle else quick_bundle(candles)
    figures, more = measure(candles, bundle)
    show("backtest", figures, as_json=options.json, **more)


def measure(candles: CandleArray, bundle: Bundle) -> tuple[list[Figure], dict[str, Any]]:
    """Return the figures, and what else a reader should know."""
    whole(candles[: HISTORY_DECISIONS + 600], bundle)  # start-up: machine code is loaded or compiled here
    walls = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        result, card = whole(candles, bundle)
        walls.append(time.perf_counter() - begun)
    wall_s, bars = float(np.median(walls)), len(result.candles.open_ms)
    given = bars / given_convictions_s(result)
    figures = [
        Figure(name="wall_s", value=wall_s, unit="s", goal="<= 2"),
        Figure(name="bars_per_s", value=bars / wall_s, unit="1/s"),
        Figure(name="given_bars_per_s", value=given, unit="1/s", rival=RIVAL, rival_value=rival_bars_per_s(result)),
    ]
    more = {"bars": bars, "trades": card.trades.trades, "bundle": bundle.id, "families": bundle.manifest.families}
    return figures, more


def whole(candles: CandleArray, bundle: Bundle) -> tuple[BacktestResult, Scorecard]:
    """Run everything that `sigma backtest` does between reading candles and printing."""
    start_ms = int(candles[HISTORY_DECISIONS, OPEN_MS])
    end_ms = int(candles[-1, OPEN_MS]) + HOUR_MS
    run = assemble([MARKET], Timeframe.H1, Timeframe.H1, start_ms, end_ms, [candles], [candles], [NO_FUNDING])
    result = backtest(bundle, run, OPENS_AND_CLOSES)
    return result, scorecard(result)[0]


def given_convictions_s(result: BacktestResult) -> float:
    """Return the seconds that execution, metrics and baselines take when the decision path is there already."""
    times = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        account = begin_account(result.candles, result.settings)
        again = replace(result, run=run_path(result.path, result.candles, result.settings, account))
        scorecard(again)
        times.append(time.perf_counter() - begun)
    return float(np.median(times))


def quick_bundle(candles: CandleArray) -> Bundle:
    """Return a bundle trained on the candles themselves: it is timed, not judged."""
    features = feature_set()
    stored = StoredCandles(candles=candles, source=np.full(len(candles), Source.REAL, np.uint8))
    segments = market_segments(MARKET.symbol, stored, Timeframe.H1, features, 12)
    dataset = Dataset(
        exchange=MARKET.exchange,
        symbols=(MARKET.symbol,),
        timeframe=Timeframe.H1,
        features=features,
        horizon_bars=12,
        until_ms=int(candles[-1, OPEN_MS]) + HOUR_MS,
        segments=tuple(segments),
        data_hash="benchmark",
    )
    plan = Plan(families=[XGBoostFamily()], trading=TradingSettings(), validation=ValidationSettings(), years=1.0)
    return train(dataset, plan).bundle


def read_candles(path: Path) -> CandleArray:
    """Return (n, 6) hourly candles of a parquet file.

    Raises:
        BadInput: it is too short to run on.
    """
    table = pq.read_table(path, columns=["timestamp", "open", "high", "low", "close", "volume"])
    candles = np.column_stack([column.to_numpy().astype(np.float64) for column in table.columns])
    if len(candles) < 2 * HISTORY_DECISIONS:
        raise BadInput(f"{path} holds {len(candles)} candles; at least {2 * HISTORY_DECISIONS} are needed")
    return candles


def generated_candles(seed: int = 5) -> CandleArray:
    """Return `BARS` fat-tailed hourly candles with volatility clusters and a planted edge, so that it trades."""
    rng = np.random.default_rng(seed)
    sigma = 0.006 * np.exp(0.5 * np.sin(np.arange(BARS) / 400.0))
    noise = rng.standard_t(4, BARS) / np.sqrt(2.0)
    moves, recent = np.empty(BARS), 0.0
    for bar in range(BARS):
        moves[bar] = sigma[bar] * (noise[bar] + EDGE * np.sign(recent))
        recent += (moves[bar] - recent) / 24.0
    close = 10_000.0 * np.exp(np.cumsum(moves - moves.mean()))
    opened = np.append(10_000.0, close[:-1])
    candles = np.empty((BARS, 6))
    candles[:, OPEN_MS] = 1_567_296_000_000 + HOUR_MS * np.arange(BARS)
    candles[:, OPEN], candles[:, CLOSE] = opened, close
    candles[:, HIGH] = np.maximum(opened, close) * (1.0 + rng.exponential(0.002, BARS))
    candles[:, LOW] = np.minimum(opened, close) * (1.0 - rng.exponential(0.002, BARS))
    candles[:, VOLUME] = rng.gamma(2.0, 500.0, BARS)
    return MARKET.candles(candles[:, OPEN_MS].astype(np.int64), MARKET.bars(candles))


def rival_bars_per_s(result: BacktestResult) -> float | None:
    """Return how many bars a second backtesting.py gets through, given our convictions; None: not installed."""
    try:
        import pandas as pd
        from backtesting import Backtest, Strategy
    except ImportError:
        return None
    rules = result.settings.decision
    conviction, sigma = np.nan_to_num(result.path.conviction[:, 0]), np.nan_to_num(result.path.sigma[:, 0])

    class Threshold(Strategy):  # type: ignore[misc]
        def init(self) -> None:
            self.conviction = self.I(lambda: conviction)
            self.daily = self.I(lambda: sigma * np.sqrt(24.0))

        def next(self) -> None:
            now, day, price = self.conviction[-1], self.daily[-1], self.data.Close[-1]
            if self.position and abs(now) < rules.leave:
                self.position.close()
            elif not self.position and abs(now) > rules.enter and day > 0:
                side = 1.0 if now > 0 else -1.0
                stop, take = price * (1 - side * rules.stop_sigmas * day), price * (1 + side * rules.take_sigmas * day)
                (self.buy if side > 0 else self.sell)(size=0.3, sl=stop, tp=take)

    candles = result.candles.decision_candles[0]
    inside = candles[candles[:, OPEN_MS] >= result.candles.start_ms]
    index = pd.DatetimeIndex(inside[:, OPEN_MS].astype("datetime64[ms]"))
    frame = pd.DataFrame(inside[:, OPEN:], index=index, columns=["Open", "High", "Low", "Close", "Volume"])
    begun = time.perf_counter()
    Backtest(frame, Threshold, cash=10_000_000, commission=0.0007, finalize_trades=True).run()
    return len(inside) / (time.perf_counter() - begun)


if __name__ == "__main__":
    main()
