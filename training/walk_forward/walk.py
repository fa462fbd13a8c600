"""The walk forward: what a recipe would have decided, had it been retrained again and again over history.

Each fold is a bundle of its own: models fitted on labels settled an embargo before it, deviations and slope from the
out-of-sample scores before it, smoothing warmed up as at a live swap. The bundles' decisions are strung together and
traded by the kernel, costs on. No number of a fold knows anything from after its beginning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from strategies.bundle.bundle import Bundle
from strategies.kernel.settings import TradingSettings
from strategies.market import OPEN_MS, Timeframe
from strategies.predictors.base import Predictor
from strategies.predictors.load import load_predictor
from training.backtest.decision_path import DecisionPath, decision_path, decision_rows
from training.backtest.run import NO_STRESS, BacktestResult, Stress, begin_account, run_path, stressed
from training.backtest.run_candles import RunCandles
from training.data.dataset import Dataset
from training.data.market_scores import MarketScores
from training.data.splits import Fold
from training.ensemble.bundle import manifest_of
from training.ensemble.out_of_fold import FoldDone, fit_fold, walk
from training.ensemble.plan import Plan
from training.ensemble.scales import calibrate
from training.ensemble.sees_others import dataset_for, sees_others
from training.families.interface import ModelFamily
from training.runtime.compute import Backend, fan_out
from training.walk_forward.fold_cache import FoldCache, fold_key
from training.walk_forward.fold_plan import FoldPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a walk forward may use: where fold models are kept, processes, who carries them out."""

    cache: FoldCache = field(default_factory=FoldCache)
    workers: int = 1
    backend: Backend = "loky"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldModel:
    """A fold's model as its bundle files, loaded as live loads it."""

    files: Mapping[str, bytes]
    predictor: Predictor


FoldModels = Mapping[tuple[str, Fold], FoldModel]


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkForward:
    """A finished walk forward.

    Attributes:
        plan: families and settings.
        folds: those traded and those that scaled.
        runs: out-of-sample scores of every close in all folds.
        bundles: that of each traded fold, as it would have been live.
        result: the trades, in the shape of a backtest.
        stress: what made it harder than it is.
    """

    plan: Plan
    folds: FoldPlan
    runs: Sequence[MarketScores]
    bundles: Sequence[Bundle]
    result: BacktestResult
    stress: Stress = NO_STRESS

    @property
    def name(self) -> str:
        return "+".join(family.name for family in self.plan.families)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The traded markets; others may have taught."""
        return tuple(market.symbol for market in self.result.candles.markets)


def walk_forward(
    dataset: Dataset,
    candles: RunCandles,
    plan: Plan,
    folds: FoldPlan,
    *,
    means: Means | None = None,
    stress: Stress = NO_STRESS,
    on_fold: FoldDone | None = None,
) -> WalkForward:
    """Fit, score, scale and trade every fold.

    Args:
        dataset: candles, features and labels of the traded markets, to the end of the last fold at least.
        candles: execution bars over exactly the traded folds, with their history.
        plan: families, trading settings, window of the deviations.
        folds: see `plan_folds`.
        means: cache and processes; none by default. They change no bit.
        stress: higher costs, later decisions.
        on_fold: told about every fold of every family once it is scored.

    Raises:
        BadInput: a fold has too little to learn from.
    """
    models = fit_folds(dataset, plan.families, folds.all, means or Means())
    runs = walk(dataset, plan.families, folds.all, on_fold, lambda family, _, fold: models[family.name, fold])
    bundles = [fold_bundle(dataset, plan, fold, runs, models) for fold in folds.traded]
    settings = stressed(without_drawdown_stop(plan.trading, dataset.timeframe), stress)
    path = strung_together(bundles, folds.traded, candles, settings)
    begun = begin_account(candles, settings)
    result = BacktestResult(
        bundle_id="+".join(family.name for family in plan.families),
        settings=settings,
        candles=candles,
        path=path,
        run=run_path(path, candles, settings, begun, delay_bars=stress.delay_bars),
        initial_units=int(begun.account["equity"][0]),
    )
    return WalkForward(plan=plan, folds=folds, runs=runs, bundles=bundles, result=result, stress=stress)


def fit_folds(dataset: Dataset, families: Sequence[ModelFamily], folds: Sequence[Fold], means: Means) -> FoldModels:
    """Return the model of every family and fold, fitted in parallel or found in the cache.

    PPO beside others comes after them: it learns from their scores of the folds before its own.
    """
    first = [family for family in families if not sees_others(family, families)]
    models = _fit(dataset, first, folds, means)
    readers = [family for family in families if sees_others(family, families)]
    if not readers:
        return models
    runs = walk(dataset, first, folds, fit=lambda family, _, fold: models[family.name, fold])
    learnt = dataset_for(readers[0], families, dataset, runs, [family.name for family in first])
    return {**models, **_fit(learnt, readers, folds, means)}


def _fit(dataset: Dataset, families: Sequence[ModelFamily], folds: Sequence[Fold], means: Means) -> FoldModels:
    tasks = [(family, fold) for fold in folds for family in families]
    fitted = fan_out(
        partial(_fitted, dataset=dataset, cache=means.cache), tasks, workers=means.workers, backend=means.backend
    )
    return {
        (family.name, fold): FoldModel(files=files, predictor=load_predictor(family.name, files, dataset.features))
        for (family, fold), files in zip(tasks, fitted, strict=True)
    }


def fold_bundle(dataset: Dataset, plan: Plan, fold: Fold, runs: Sequence[MarketScores], models: FoldModels) -> Bundle:
    """Return the bundle that would have traded a fold: its models, at the scales known when it begins.

    Args:
        runs: scores of all folds; those from the fold's beginning on are left out here.
    """
    scales = calibrate(dataset, plan, known_before(runs, fold.start_ms, dataset))
    predictors = [models[family.name, fold].predictor for family in plan.families]
    manifest = manifest_of(dataset, plan, scales, predictors)
    return Bundle(f"fold-{fold.start_ms}", manifest, dataset.features, predictors)


def known_before(runs: Sequence[MarketScores], ms: int, dataset: Dataset) -> list[MarketScores]:
    """Return the scores of the closes up to a time, with the targets that were settled by then."""
    label_ms = (1 + dataset.horizon_bars) * dataset.timeframe.ms
    cut = []
    for run in runs:
        rows = int(np.searchsorted(run.open_ms, ms - dataset.timeframe.ms, side="right"))
        if rows:
            names = ("scores", "known_by_ms", "open", "close", "sigma", "volatility")
            arrays = {name: getattr(run, name)[:rows] for name in names}
            target = np.where(run.open_ms[:rows] + label_ms <= ms, run.target[:rows], np.nan)
            cut.append(MarketScores(symbol=run.symbol, open_ms=run.open_ms[:rows], target=target, **arrays))
    return cut


def strung_together(
    bundles: Sequence[Bundle], folds: Sequence[Fold], candles: RunCandles, settings: TradingSettings
) -> DecisionPath:
    """Return what one bundle after the other decides, each over its own fold and warmed up as at a live swap."""
    paths = [
        decision_path(bundle, part(candles, fold.start_ms, fold.end_ms), settings)
        for bundle, fold in zip(bundles, folds, strict=True)
    ]
    return joined(paths, candles)


def part(candles: RunCandles, start_ms: int, end_ms: int) -> RunCandles:
    """Return the bars of a run that open in [start, end), with all decision candles that close by the end."""
    low, high = np.searchsorted(candles.open_ms, (start_ms, end_ms))
    rows = slice(int(low), int(high))
    return replace(
        candles,
        open_ms=candles.open_ms[rows],
        bars=candles.bars[rows],
        present=candles.present[rows],
        funding_e8=candles.funding_e8[rows],
        decision_candles=tuple(series[series[:, OPEN_MS] < end_ms] for series in candles.decision_candles),
    )


def joined(paths: Sequence[DecisionPath], candles: RunCandles) -> DecisionPath:
    """Return adjacent decision paths as one over the whole run."""
    together: dict[str, np.ndarray] = {
        name: np.concatenate([getattr(path, name) for path in paths])
        for name in DecisionPath.__dataclass_fields__
        if name not in ("rows", "memory")
    }
    rows = decision_rows(candles.open_ms, candles.bar, candles.start_ms, candles.timeframe)
    return DecisionPath(rows=rows, memory=paths[-1].memory, **together)


def without_drawdown_stop(settings: TradingSettings, timeframe: Timeframe) -> TradingSettings:
    """Return the settings without the stop that only a person lifts: it would end the walk in its first bad year."""
    protections = settings.protections.model_copy(update={"drawdown_stop": 0.0})
    decision = settings.decision.model_copy(update={"timeframe": timeframe})
    return settings.model_copy(update={"protections": protections, "decision": decision})


def _fitted(task: tuple[ModelFamily, Fold], *, dataset: Dataset, cache: FoldCache) -> dict[str, bytes]:
    family, fold = task
    key = fold_key(family, dataset, fold) if cache.root is not None else ""
    return cache.files(key, lambda: fit_fold(family, dataset, fold).files)
