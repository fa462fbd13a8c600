"""What a walk forward adds to bare xgboost: rows, scoring, scales, the kernel, benchmarks and figures, per window.

    python -m benchmarks.walk_forward [--candles FILE] [--bars 16000] [--json]

180-day windows, 30-day steps, 500 trees, 46 features, one market of hourly candles. The rival is `xgboost.train` on
the very rows of each window, mirror images ready-made, in the same process, alternately with ours; the
faster of two counts, since others use the machine too.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.figures import Figure, show
from storage.candles.market_book import inferred_market
from storage.candles.store import StoredCandles
from storage.config.models import XGBoostSettings
from storage.config.tree import Config
from strategies.features import LEAN, feature_set
from strategies.market import HOUR_MS, CandleArray, Timeframe
from strategies.predictors.xgboost import import_xgboost
from training.backtest.run_candles import RunCandles, assemble
from training.data.dataset import Dataset, market_segments
from training.data.splits import Fold
from training.ensemble.families import XGBoostFamily
from training.ensemble.plan import Plan
from training.families.xgboost import trainer
from training.promotion.known_answers import world_candles
from training.walk_forward.card import walk_forward_card
from training.walk_forward.fold_plan import FoldPlan, Schedule, plan_folds
from training.walk_forward.walk import walk_forward

MORE: Final = ("oscillators", "candle", "levels")  # with the lean 30: 46 columns
REPEATS: Final = 2
SCHEDULE: Final = Schedule(train_days=180, test_days=30)
SETTINGS: Final = XGBoostSettings(n_estimators=500, seeds=1, every_bars=1)
RECORDED: Final = Path(__file__).parents[1].parent / "shared" / "data" / "candles" / "BTCUSDT_1h_futures.parquet"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.walk_forward", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--candles", type=Path, default=RECORDED, help="parquet of hourly candles; made up if absent")
    parser.add_argument("--bars", type=int, default=16_000, help="the latest so many")
    options = parser.parse_args()
    candles = recorded(options.candles, options.bars)
    begun = time.perf_counter()
    dataset = dataset_of(candles)
    built_s = time.perf_counter() - begun
    folds = plan_folds(dataset.from_ms, dataset.until_ms, SCHEDULE)
    timed_walk(dataset, replace(folds, scaling=folds.all[-5:-1], traded=folds.all[-1:]))  # compiles, imports
    ours, bare = zip(*((timed_walk(dataset, folds), timed_bare(dataset, folds)) for _ in range(REPEATS)), strict=True)
    ours_s, ours_cpu_s = np.min(ours, axis=0)
    bare_s, bare_cpu_s = np.min(bare, axis=0)
    windows = len(folds.all)
    figures = [
        Figure(
            name="window_s",
            value=float(ours_s / windows),
            unit="s",
            rival="xgboost.train",
            rival_value=float(bare_s / windows),
        ),
        Figure(name="ratio_to_bare", value=float(ours_s / bare_s), unit="", goal="<= 1.2"),
        Figure(name="cpu_ratio_to_bare", value=float(ours_cpu_s / bare_cpu_s), unit=""),
        Figure(name="dataset_s", value=built_s, unit="s, once a run"),
    ]
    show("walk_forward", figures, as_json=options.json, windows=windows, features=len(dataset.features.names))


def timed_walk(dataset: Dataset, folds: FoldPlan) -> tuple[float, float]:
    """Return wall and processor seconds of the whole walk forward, figures included, without a cache."""
    config = Config()
    family = XGBoostFamily(settings=SETTINGS)
    plan = Plan(families=[family], trading=config.trading, validation=config.validation)
    candles = run_candles(dataset, folds)
    begun, begun_cpu = time.perf_counter(), time.process_time()
    walked = walk_forward(dataset, candles, plan, folds)
    with tempfile.TemporaryDirectory() as runs:
        walk_forward_card(walked, dataset, SCHEDULE, Path(runs), None)
    return time.perf_counter() - begun, time.process_time() - begun_cpu


def timed_bare(dataset: Dataset, folds: FoldPlan) -> tuple[float, float]:
    """Return wall and processor seconds of `xgboost.train` on the rows of every window."""
    prepared = [rows_of(dataset, fold) for fold in folds.all]
    xgboost, parameters = import_xgboost(), trainer.parameters(SETTINGS, 0, 1)
    begun, begun_cpu = time.perf_counter(), time.process_time()
    for features, target in prepared:
        matrix = xgboost.DMatrix(features, label=target, nthread=1)
        xgboost.train(parameters, matrix, SETTINGS.n_estimators)
    return time.perf_counter() - begun, time.process_time() - begun_cpu


def rows_of(dataset: Dataset, fold: Fold) -> tuple[np.ndarray, np.ndarray]:
    """Return a window's rows and targets with their mirror images."""
    rows = dataset.since(fold.train_from_ms or 0).known_by(fold.train_until_ms)
    signs = np.where(dataset.features.directional, -1, 1).astype(np.float32)
    return np.concatenate([rows.features, rows.features * signs]), np.concatenate([rows.target, -rows.target])


def dataset_of(candles: CandleArray) -> Dataset:
    """Return one market's dataset."""
    features = feature_set((), (*LEAN, *MORE), Timeframe.H1)
    stored = StoredCandles(candles=candles, source=np.zeros(len(candles), np.uint8))
    return Dataset(
        exchange="benchmark",
        symbols=("BTCUSDT",),
        timeframe=Timeframe.H1,
        features=features,
        horizon_bars=12,
        until_ms=int(candles[-1, 0]) + HOUR_MS,
        segments=tuple(market_segments("BTCUSDT", stored, Timeframe.H1, features, 12)),
        data_hash="benchmark",
    )


def run_candles(dataset: Dataset, folds: FoldPlan) -> RunCandles:
    """Return the candles of the traded folds, without funding."""
    candles = dataset.segments[0].candles
    market = inferred_market("benchmark", "BTCUSDT", "futures", candles)
    none, hour = (np.zeros(0, np.int64), np.zeros(0, np.int64)), Timeframe.H1
    return assemble([market], hour, hour, folds.start_ms, folds.end_ms, [candles], [candles], [none])


def recorded(path: Path, bars: int) -> CandleArray:
    """Return recorded candles, or made-up ones where the file is not at hand."""
    if not path.is_file():
        return world_candles(bars, 0, Timeframe.H1)[0]
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    names = ("timestamp", "open", "high", "low", "close", "volume")
    return np.column_stack([table[name].to_numpy() for name in names]).astype(np.float64)[-bars:]


if __name__ == "__main__":
    main()
