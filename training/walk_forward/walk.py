"""The walk forward: what a recipe would have decided, had it been retrained again and again over history.

Each fold is a bundle of its own: models fitted on labels settled an embargo before it, deviations and slope from the
out-of-sample scores before it, smoothing warmed up as at a live swap. The bundles' decisions are strung together and
traded by the kernel, costs on. No number of a fold knows anything from after its beginning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strategies.bundle.bundle import Bundle
from strategies.kernel.settings import TradingSettings
from strategies.market import Timeframe
from training.backtest.run import NO_STRESS, BacktestResult, Stress, begin_account, run_path, stressed
from training.backtest.run_candles import RunCandles
from training.data.coin_groups import Groups
from training.data.dataset import Dataset
from training.data.market_scores import MarketScores
from training.data.splits import Fold
from training.ensemble.bundle import manifest_of
from training.ensemble.fits import FoldModels, Means, fit_folds
from training.ensemble.out_of_fold import FoldDone, walk
from training.ensemble.plan import Plan
from training.ensemble.scales import calibrate
from training.walk_forward.fold_plan import FoldPlan
from training.walk_forward.paths import path_of_groups


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkForward:
    """A finished walk forward.

    Attributes:
        plan: families and settings.
        folds: those traded and those that scaled.
        runs: out-of-sample scores of every close in all folds.
        bundles: that of each traded fold, as it would have been live; with coins left out, that of the first group.
        groups: of coins left out; (): nobody was.
        by_group: for each group, or for all coins, the bundle of each traded fold.
        result: the trades, in the shape of a backtest.
        stress: what made it harder than it is.
    """

    plan: Plan
    folds: FoldPlan
    runs: Sequence[MarketScores]
    bundles: Sequence[Bundle]
    result: BacktestResult
    stress: Stress = NO_STRESS
    groups: Groups = ()
    by_group: Sequence[Sequence[Bundle]] = ()

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
    means = means or Means()
    models = fit_folds(dataset, plan.families, folds.all, means)
    runs = walk(
        dataset,
        plan.families,
        folds.all,
        on_fold,
        lambda family, _, fold, group: models[family.name, fold, group],
        means.groups,
        means.cache,
    )
    bundles = [fold_bundles(dataset, plan, fold, runs, models, max(1, len(means.groups))) for fold in folds.traded]
    settings = stressed(without_drawdown_stop(plan.trading, dataset.timeframe), stress)
    by_group = list(zip(*bundles, strict=True))
    path = path_of_groups(by_group, means.groups, folds.traded, candles, settings)
    begun = begin_account(candles, settings)
    result = BacktestResult(
        bundle_id="+".join(family.name for family in plan.families),
        settings=settings,
        candles=candles,
        path=path,
        run=run_path(path, candles, settings, begun, delay_bars=stress.delay_bars),
        initial_units=int(begun.account["equity"][0]),
    )
    return WalkForward(
        plan=plan,
        folds=folds,
        runs=runs,
        bundles=by_group[0],
        result=result,
        stress=stress,
        groups=means.groups,
        by_group=by_group,
    )


def fold_bundles(
    dataset: Dataset, plan: Plan, fold: Fold, runs: Sequence[MarketScores], models: FoldModels, groups: int = 1
) -> list[Bundle]:
    """Return the bundle of each group of coins that would have traded a fold, at the scales known when it begins.

    Args:
        runs: scores of all folds; those from the fold's beginning on are left out here.
    """
    scales = calibrate(dataset, plan, known_before(runs, fold.start_ms, dataset))
    bundles = []
    for group in range(groups):
        predictors = [models[family.name, fold, group].predictor for family in plan.families]
        manifest = manifest_of(dataset, plan, scales, predictors)
        bundles.append(Bundle(f"fold-{fold.start_ms}", manifest, dataset.features, predictors))
    return bundles


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


def without_drawdown_stop(settings: TradingSettings, timeframe: Timeframe) -> TradingSettings:
    """Return the settings without the stop that only a person lifts: it would end the walk in its first bad year."""
    protections = settings.protections.model_copy(update={"drawdown_stop": 0.0})
    decision = settings.decision.model_copy(update={"timeframe": timeframe})
    return settings.model_copy(update={"protections": protections, "decision": decision})
