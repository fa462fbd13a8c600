"""One truth on real candles: the daemon over recorded minutes and the backtest over the same give the same bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.live_replay import LiveReplay
from benchmarks.parity import fill_store, measure
from storage.candles.store import CandleStore
from storage.config.models import RidgeSettings
from storage.config.training import ValidationSettings
from storage.models.registry import Registry
from strategies.features import feature_set
from strategies.kernel.settings import TradingSettings
from strategies.market import Timeframe
from strategies.values import iso_ms
from tests.scenario.recording import EAGER, SYMBOLS
from training.data.dataset import build
from training.ensemble.bundle import train
from training.ensemble.families import RidgeFamily
from training.ensemble.plan import Plan

START, END = "2025-05-08", "2025-05-09T06:00"
LEARNT_FROM = "2023-01-01"


@pytest.mark.timeout(600)
def test_real_minutes_over_a_midnight_traded_live_and_in_backtest_are_the_same(
    tmp_path: Path, shared_data: Path
) -> None:
    candles, funding = shared_data / "candles", shared_data / "funding"
    store = CandleStore(tmp_path / "data")
    fill_store(store, candles, funding, SYMBOLS)
    dataset = build(store, "builtin", SYMBOLS, Timeframe.H1, feature_set(), until_ms=iso_ms(START))
    dataset = dataset.since(iso_ms(LEARNT_FROM))
    plan = Plan(
        families=[RidgeFamily(settings=RidgeSettings())], trading=TradingSettings(), validation=ValidationSettings()
    )
    registry = Registry(tmp_path / "models")
    bundle_id = registry.add_files(train(dataset, plan).files)
    registry.promote("builtin", bundle_id, "parity")
    replay = LiveReplay(
        folder=tmp_path,
        candles=candles,
        funding=funding,
        symbols=SYMBOLS,
        start=START,
        end=END,
        environment=EAGER,
    )
    found = measure(replay, bundle_id=bundle_id, kills=1, seed=3)
    assert (found.differing_fills, found.differing_cash_units, found.verify_differences) == (0, 0, 0)
    assert found.fills > 10
