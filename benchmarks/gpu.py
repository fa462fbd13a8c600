"""What a CUDA card does for the trainers: rates on the card and on this processor, and whether they agree.

    python -m benchmarks.gpu [--bars 40000] [--markets 20] [--json]

The LSTM on a pool of made-up markets, boosted trees with `device=cuda` beside `cpu` on the same rows, PPO on many
environments. The card's own rate of a matrix product, measured in the same minute, says how much of it the LSTM uses.
Where there is no card the figures are missing, and the document says so.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, Final

import numpy as np

from benchmarks.figures import Figure, parser, show
from benchmarks.worlds import HORIZON_BARS, START_MS, World, candles_of
from storage.candles.store import StoredCandles
from storage.config.models import LstmSettings, PpoSettings, XGBoostSettings
from storage.config.tree import Config
from strategies.features import feature_set
from strategies.market import HOUR_MS, Timeframe
from strategies.predictors.xgboost import import_xgboost
from training.data.dataset import Dataset, market_segments
from training.families.lstm.family import LstmFamily
from training.families.ppo.family import PpoFamily
from training.families.xgboost import trainer
from training.runtime import device as devices

MATRIX: Final = 8_192
PRODUCTS: Final = 20
EPOCHS: Final = 2
ROUNDS: Final = 200
STEPS: Final = 400_000


def main() -> None:
    """Measure and print."""
    arguments = parser("gpu", str(__doc__).splitlines()[0])
    arguments.add_argument("--bars", type=int, default=40_000, help="of each market")
    arguments.add_argument("--markets", type=int, default=20, help="of the pool")
    options = arguments.parse_args()
    card = devices.card_name()
    if card is None:
        missing = [Figure(name=name, value=None, unit=unit) for name, unit in NAMES]
        show("gpu", missing, as_json=options.json, card=None, note="no CUDA card is here: nothing was measured")
        return
    dataset = pool(options.bars, options.markets)
    rate = matrix_rate()
    lstm_gpu, lstm_cpu, agreement, share = lstm(dataset, rate)
    trees_gpu, trees_cpu, trees_agree = trees(dataset)
    ppo_gpu, ppo_cpu = policies(dataset)
    values = (rate, lstm_gpu, share, agreement, trees_gpu, trees_agree, ppo_gpu)
    rivals = (None, lstm_cpu, None, None, trees_cpu, None, ppo_cpu)
    figures = [
        Figure(name=name, value=value, unit=unit, rival="" if rival is None else "cpu", rival_value=rival)
        for (name, unit), value, rival in zip(NAMES, values, rivals, strict=True)
    ]
    show("gpu", figures, as_json=options.json, card=card)


NAMES: Final = (
    ("matrix_tflops", "TFLOP/s"),
    ("lstm_labelled_bars_per_s", "1/s"),
    ("lstm_share_of_matrix_rate", ""),
    ("lstm_correlation_cuda_cpu", ""),
    ("xgboost_rows_x_rounds_per_s", "1/s"),
    ("xgboost_correlation_cuda_cpu", ""),
    ("ppo_steps_per_s", "1/s"),
)


def pool(bars: int, markets: int) -> Dataset:
    """Return a pool of made-up markets, three to a world."""
    features, parts, symbols = feature_set(), [], []
    for number in range(markets):
        [*_, candles] = candles_of(World(kind="generated", seed=number, edge=0.1), bars)
        symbols.append(f"M{number:03d}USDT")
        stored = StoredCandles(candles=candles, source=np.zeros(len(candles), np.uint8))
        parts += market_segments(symbols[-1], stored, Timeframe.H1, features, HORIZON_BARS)
    return Dataset(
        exchange="world",
        symbols=tuple(symbols),
        timeframe=Timeframe.H1,
        features=features,
        horizon_bars=HORIZON_BARS,
        until_ms=START_MS + bars * HOUR_MS,
        segments=tuple(parts),
        data_hash="gpu",
    )


def matrix_rate() -> float:
    """Return the card's rate of a product of float32 matrices as the trainers have them, TFLOP/s."""
    import torch

    left, right = (torch.randn(MATRIX, MATRIX, device="cuda") for _ in range(2))
    left @ right
    torch.cuda.synchronize()
    begun = time.perf_counter()
    for _ in range(PRODUCTS):
        left @ right
    torch.cuda.synchronize()
    return float(PRODUCTS * 2 * MATRIX**3 / (time.perf_counter() - begun) / 1e12)


def lstm(dataset: Dataset, rate: float) -> tuple[float, float, float, float]:
    """Return (labelled bars/s on the card, on the processor, correlation of their scores, share of the matrix rate)."""
    settings = LstmSettings(epochs=EPOCHS, seeds=1)
    labelled = len(dataset.known_by(dataset.until_ms))
    seconds, scores = {}, {}
    for where in ("cuda", "cpu"):
        part = dataset if where == "cuda" else replace(dataset, segments=dataset.segments[:2])
        family = LstmFamily(settings=settings, seed=1, device=where, threads=devices_threads(where))
        begun = time.perf_counter()
        family.fit(part, part.until_ms)
        seconds[where] = time.perf_counter() - begun
    both = replace(dataset, segments=dataset.segments[:2])
    for where in ("cuda", "cpu"):
        family = LstmFamily(settings=settings, seed=1, device=where, threads=devices_threads(where))  # type: ignore[arg-type]
        scores[where] = scored(family.fit(both, both.until_ms).predictor, both)
    few = len(both.known_by(both.until_ms))
    gpu, cpu = EPOCHS * labelled / seconds["cuda"], EPOCHS * few / seconds["cpu"]
    inputs, hidden = len(dataset.features.names), settings.hidden_size
    flops = 3 * 2 * 4 * hidden * (inputs + hidden)  # a bar: forward, and twice that backward
    return gpu, cpu, float(np.corrcoef(scores["cuda"], scores["cpu"])[0, 1]), gpu * flops / (rate * 1e12)


def devices_threads(where: str) -> int:
    """Return the threads of torch: one beside a card, all where there is none."""
    from training.runtime.compute import threads_of

    return 1 if where == "cuda" else threads_of(0)


def scored(predictor: Any, dataset: Dataset) -> np.ndarray:
    """Return a predictor's scores of the newest quarter of a dataset's closes."""
    from strategies.predictors.together import score_all
    from training.data.market_scores import prepare

    start_ms = dataset.until_ms - (dataset.until_ms - dataset.from_ms) // 4
    slices = prepare(dataset.segments[0], dataset, start_ms, dataset.until_ms)
    return np.asarray(np.nan_to_num(np.concatenate(next(iter(score_all([predictor], slices))))))


def trees(dataset: Dataset) -> tuple[float, float, float]:
    """Return (rows x rounds/s on the card, on the processor, correlation of their scores)."""
    xgboost = import_xgboost()
    settings = XGBoostSettings(n_estimators=ROUNDS, seeds=1, every_bars=1)
    rows = dataset.known_by(dataset.until_ms)
    from training.runtime.compute import threads_of

    rates, found = [], []
    matrix = trainer.training_matrix(rows, dataset.features.directional, settings, dataset.until_ms, threads_of(0))
    for where in ("cuda", "cpu"):
        given = trainer.parameters(settings, 1, threads_of(0)) | {"device": where}
        xgboost.train(given, matrix, 2)
        begun = time.perf_counter()
        booster = xgboost.train(given, matrix, ROUNDS)
        rates.append(matrix.num_row() * ROUNDS / (time.perf_counter() - begun))
        found.append(booster.inplace_predict(rows.features[-50_000:]))
    return rates[0], rates[1], float(np.corrcoef(found[0], found[1])[0, 1])


def policies(dataset: Dataset) -> tuple[float, float]:
    """Return the environment's steps/s while PPO learns, on the card and on the processor."""
    few, config, rates = replace(dataset, segments=dataset.segments[:3]), Config(), []
    settings = PpoSettings(total_timesteps=STEPS, seeds=1, environments=1024)
    for where in ("cuda", "cpu"):
        family = PpoFamily(settings=settings, trading=config.trading, seed=1, device=where)
        begun = time.perf_counter()
        family.fit(few, few.until_ms)
        rates.append(STEPS / (time.perf_counter() - begun))
    return rates[0], rates[1]


if __name__ == "__main__":
    main()
