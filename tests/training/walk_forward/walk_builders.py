"""A small walk forward over made-up markets with a planted edge, for tests."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from storage.candles.market_book import inferred_market
from storage.config.models import XGBoostSettings
from storage.config.tree import Config
from strategies.features import feature_set
from strategies.kernel.settings import DecisionSettings
from strategies.market import CandleArray, Timeframe
from training.backtest.run_candles import RunCandles, assemble
from training.data.dataset import Dataset
from training.ensemble.families import RidgeFamily, XGBoostFamily
from training.ensemble.plan import Plan
from training.families.interface import ModelFamily
from training.promotion.known_answers import world
from training.walk_forward.fold_plan import FoldPlan, Schedule, plan_folds
from training.walk_forward.walk import WalkForward, walk_forward

BARS = 11_000
SCHEDULE = Schedule(train_days=120, test_days=30, scale_days=90)
SMALL = XGBoostSettings(n_estimators=30, seeds=1, min_child_weight=30)


@cache
def made_world(edge: float = 0.15, bars: int = BARS) -> Dataset:
    """Return three made-up markets of 458 days."""
    return world(bars, 1, feature_set(), Timeframe.H1, 12, edge)


def made_folds(dataset: Dataset) -> FoldPlan:
    return plan_folds(dataset.from_ms, dataset.until_ms, SCHEDULE)


def made_plan(*families: ModelFamily) -> Plan:
    """Return a plan that opens and closes: its trades are few enough to be counted."""
    config = Config(decision=DecisionSettings(mode="discrete"))
    return Plan(
        families=families or (RidgeFamily(),), trading=config.trading, validation=config.validation, window_d=90
    )


def run_candles(dataset: Dataset, folds: FoldPlan) -> RunCandles:
    """Return the candles of the traded folds, on inferred ticks, without funding."""
    series: list[CandleArray] = [segment.candles for segment in dataset.segments]
    markets = [
        inferred_market("made", symbol, "futures", candles)
        for symbol, candles in zip(dataset.symbols, series, strict=True)
    ]
    hour, none = Timeframe.H1, [(np.zeros(0, np.int64), np.zeros(0, np.int64))] * len(series)
    return assemble(markets, hour, hour, folds.start_ms, folds.end_ms, series, series, none)


def cut(dataset: Dataset, until_ms: int) -> Dataset:
    """Return the dataset without anything after a time: features, labels and candles end there."""
    segments = []
    for segment in dataset.segments:
        rows = int((segment.open_ms + dataset.timeframe.ms <= until_ms).sum())
        names = ("candles", "source", "features", "target", "label_end_ms", "sigma", "volatility")
        segments.append(replace(segment, **{name: getattr(segment, name)[:rows] for name in names}))
    return replace(dataset, segments=tuple(segments), until_ms=until_ms)


@cache
def made_walk(edge: float = 0.15) -> WalkForward:
    """Return ridge walked forward once."""
    dataset = made_world(edge)
    folds = made_folds(dataset)
    return walk_forward(dataset, run_candles(dataset, folds), made_plan(), folds)


def small_xgboost(seed: int = 0) -> XGBoostFamily:
    return XGBoostFamily(settings=SMALL, seed=seed)
