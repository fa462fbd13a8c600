"""A small trained bundle for tests, made once per process."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from storage.candles.store import CandleStore
from storage.config.models import XGBoostSettings
from storage.config.tree import Config
from strategies.features import feature_set
from strategies.market import Timeframe
from tests.made_markets import random_candles
from training.data.dataset import Dataset, build
from training.ensemble.bundle import TrainedBundle, train
from training.ensemble.families import RidgeFamily, XGBoostFamily
from training.ensemble.plan import Plan
from training.families.interface import ModelFamily

SYMBOLS = ("AAAUSDT", "BBBUSDT")
SMALL = XGBoostSettings(n_estimators=40, seeds=2, min_child_weight=30)


@cache
def made_dataset(edge: float = 0.15, bars: int = 6000) -> Dataset:
    """Return two made-up markets of 250 days, with a planted edge."""
    store = CandleStore(Path(mkdtemp()))
    for seed, symbol in enumerate(SYMBOLS):
        store.append("made", symbol, Timeframe.H1, "futures", random_candles(bars, seed=seed, edge=edge))
    return build(store, "made", SYMBOLS, Timeframe.H1, feature_set())


def made_plan(seed: int = 0) -> Plan:
    """Return a plan with xgboost and ridge, small enough for a test."""
    config = Config()
    families: list[ModelFamily] = [XGBoostFamily(settings=SMALL, seed=seed), RidgeFamily()]
    return Plan(families=families, trading=config.trading, validation=config.validation, seed=seed)


@cache
def made_bundle() -> TrainedBundle:
    """Return the bundle trained on the made-up markets."""
    return train(made_dataset(), made_plan())
