"""A recorded market to replay and a bundle that trades on it often, both made of the generated market."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmarks.live_replay import LiveReplay
from benchmarks.parity import fill_store
from bot.simulator.market.generated import GeneratedMarket
from storage.candles.store import CandleStore
from storage.config.models import RidgeSettings
from storage.config.training import ValidationSettings
from storage.models.registry import Registry
from strategies.features import feature_set
from strategies.kernel.settings import TradingSettings
from strategies.market import DAY_MS, MINUTE_MS, CandleArray, Timeframe
from strategies.values import iso_ms
from training.data.dataset import build
from training.ensemble.bundle import train
from training.ensemble.families import RidgeFamily
from training.ensemble.plan import Plan

START, END = "2025-01-01", "2025-01-03"
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
HISTORY_DAYS = 300
EAGER = {  # trades every few hours, with stops, so that two days hold something of everything
    "SIGMA_DECISION__ENTER": "0.2",
    "SIGMA_DECISION__LEAVE": "0.15",
    "SIGMA_DECISION__COST_MARGIN": "0",
    "SIGMA_DECISION__SMOOTHING_SPAN": "2",
    "SIGMA_DECISION__STOP_SIGMAS": "0.3",
    "SIGMA_DECISION__TAKE_SIGMAS": "0.6",
    "SIGMA_DECISION__BLOCK_AFTER_EXIT_H": "1",
}
COLUMNS = ("timestamp", "open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Folders of recorded candles and funding, a store with the same, and a trained bundle's id."""

    folder: Path
    bundle_id: str

    def replay(self, folder: Path, *, speed: str = "max", **environment: str) -> LiveReplay:
        """Return a replay of the recording in a folder of its own, with the bundle in production there."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "data").symlink_to(self.folder / "data")
        registry = Registry(folder / "models")
        registry.add(self.folder / "models" / "bundles" / self.bundle_id)
        registry.promote("builtin", self.bundle_id, "scenario")
        return LiveReplay(
            folder=folder,
            candles=self.folder / "candles",
            funding=self.folder / "funding",
            symbols=SYMBOLS,
            start=START,
            end=END,
            speed=speed,
            environment=EAGER | environment,
        )


def record(folder: Path) -> Recording:
    """Write two days of minutes and 300 days of hours of a generated market with a planted edge; train on it."""
    start_ms, end_ms = iso_ms(START), iso_ms(END)
    market = GeneratedMarket(11, SYMBOLS, 0.3, start_ms, history_days=HISTORY_DAYS)
    candles, funding = folder / "candles", folder / "funding"
    candles.mkdir(parents=True)
    funding.mkdir()
    for symbol in SYMBOLS:
        _write(candles / f"{symbol}_1m_futures.parquet", market.minutes(symbol, start_ms, end_ms + MINUTE_MS))
        hours = market.hours(symbol, start_ms - HISTORY_DAYS * DAY_MS, end_ms)
        _write(candles / f"{symbol}_1h_futures.parquet", hours)
        times = list(range(start_ms, end_ms, 8 * 3_600_000))
        rates = pd.DataFrame({"timestamp": times, "funding_rate": [1e-4 * (1 + index) for index in range(len(times))]})
        rates.to_parquet(funding / f"{symbol}_funding_futures.parquet")
    store = CandleStore(folder / "data")
    fill_store(store, candles, funding, SYMBOLS)
    return Recording(folder=folder, bundle_id=_train(store, folder, SYMBOLS, start_ms))


def _train(store: CandleStore, folder: Path, symbols: Sequence[str], until_ms: int) -> str:
    dataset = build(store, "builtin", symbols, Timeframe.H1, feature_set(), until_ms=until_ms)
    plan = Plan(
        families=[RidgeFamily(settings=RidgeSettings())], trading=TradingSettings(), validation=ValidationSettings()
    )
    return Registry(folder / "models").add_files(train(dataset, plan).files)


def _write(path: Path, rows: CandleArray) -> None:
    frame = pd.DataFrame(dict(zip(COLUMNS, rows.T, strict=True)))
    frame["timestamp"] = frame["timestamp"].astype("int64")
    frame.to_parquet(path)
