"""What the XGBoost trainer adds to bare xgboost: choosing rows, mirroring, quantising, serialising.

    python -m benchmarks.xgboost [--bars 50000] [--json]

The rival is `xgboost.train` on the same rows as a plain DMatrix, mirror images ready-made, in the same process, run
alternately with ours; the fastest of the repeats counts, since others use the machine too.
"""

from __future__ import annotations

import argparse
import time
from typing import Final

import numpy as np

from benchmarks.figures import Figure, show
from storage.candles.store import StoredCandles
from storage.config.models import XGBoostSettings
from strategies.features import feature_set
from strategies.market import HOUR_MS, CandleArray, Timeframe
from strategies.predictors.xgboost import import_xgboost
from training.data.dataset import Dataset, market_segments
from training.families.xgboost import trainer

MARKETS: Final = 3
REPEATS: Final = 5
HORIZON_BARS: Final = 12
SETTINGS: Final = XGBoostSettings(seeds=1)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.xgboost", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--bars", type=int, default=50_000, help="hourly candles of each of the three made-up markets")
    options = parser.parse_args()
    dataset = generated(options.bars)
    ours, bare = measure(dataset)
    rows = len(dataset.known_by(dataset.until_ms, every_bars=SETTINGS.every_bars))
    figures = [
        Figure(name="fit_s", value=ours, unit="s", rival="xgboost.train", rival_value=bare),
        Figure(name="ratio_to_bare", value=ours / bare, unit="", goal="<= 1.1"),
        Figure(name="rows_per_s", value=rows * SETTINGS.n_estimators / ours, unit="rows x trees / s"),
    ]
    show("xgboost", figures, as_json=options.json, rows=rows, features=len(dataset.features.names))


def measure(dataset: Dataset) -> tuple[float, float]:
    """Return the fewest seconds of one seed's fit: the trainer's, and bare xgboost's."""
    xgboost = import_xgboost()
    rows = dataset.known_by(dataset.until_ms, every_bars=SETTINGS.every_bars)
    signs = np.where(dataset.features.directional, -1, 1).astype(np.float32)
    features = np.concatenate([rows.features, rows.features * signs])
    target = np.concatenate([rows.target, -rows.target])
    weight = np.full(len(target), 0.5)
    ours, bare = [], []
    for _ in range(REPEATS):
        began = time.perf_counter()
        trainer.fit(dataset, dataset.until_ms, SETTINGS)
        ours.append(time.perf_counter() - began)
        began = time.perf_counter()
        matrix = xgboost.DMatrix(features, label=target, weight=weight, nthread=1)
        xgboost.train(trainer.parameters(SETTINGS, 0, 1), matrix, SETTINGS.n_estimators).save_raw("ubj")
        bare.append(time.perf_counter() - began)
    return min(ours), min(bare)


def generated(bars: int) -> Dataset:
    """Return the dataset of made-up markets: random walks with a slow drift of volatility."""
    features = feature_set()
    segments = []
    for index in range(MARKETS):
        stored = StoredCandles(candles=_candles(bars, index), source=np.zeros(bars, np.uint8))
        segments += market_segments(f"MARKET{index}", stored, Timeframe.H1, features, HORIZON_BARS)
    return Dataset(
        exchange="benchmark",
        symbols=tuple(f"MARKET{index}" for index in range(MARKETS)),
        timeframe=Timeframe.H1,
        features=features,
        horizon_bars=HORIZON_BARS,
        until_ms=bars * HOUR_MS,
        segments=tuple(segments),
        data_hash="generated",
    )


def _candles(bars: int, seed: int) -> CandleArray:
    rng = np.random.default_rng(seed)
    scale = 0.006 * np.exp(np.sin(np.arange(bars) / 500.0))
    close = 100.0 * np.exp(np.cumsum(rng.normal(size=bars) * scale))
    opening = np.concatenate([[100.0], close[:-1]])
    high = np.maximum(opening, close) * (1.0 + 0.3 * scale)
    low = np.minimum(opening, close) * (1.0 - 0.3 * scale)
    return np.column_stack([np.arange(bars) * float(HOUR_MS), opening, high, low, close, rng.lognormal(size=bars)])


if __name__ == "__main__":
    main()
