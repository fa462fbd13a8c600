"""Contenders: the blend, each family alone and the trend rules, at three degrees of hardship.

Costs as they are, costs doubled, every decision one candle late. All rows come from the one set of fold models and
scores of a finished walk; nothing is fitted again. A family alone is traded as a bundle of its own would have been: at
its own deviation and slope, known before each fold, by the same rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from strategies.bundle.bundle import PPO, Bundle
from strategies.bundle.manifest import Manifest
from strategies.kernel.settings import TradingSettings
from strategies.oversight.skill import information_coefficient
from strategies.predictors.together import reads_of
from training.backtest.decision_path import DecisionPath
from training.backtest.rule_baselines import rule_baselines
from training.backtest.run import NO_STRESS, BacktestResult, Stress, begin_account, run_path, stressed
from training.backtest.scoring import targets_of
from training.data.dataset import Dataset
from training.ensemble.scales import Scales, calibrate
from training.evidence.ic_difference import IcGain, ic_gain
from training.evidence.performance import NAN, daily_returns, sharpe
from training.walk_forward.paths import path_of_groups
from training.walk_forward.walk import WalkForward, known_before, without_drawdown_stop

HARDSHIPS: Final = (NO_STRESS, Stress(costs_factor=2.0), Stress(delay_bars=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One row: what it foretold and what it earned. NaN where undefined.

    Attributes:
        ic: with the target over the traded folds, markets pooled: of the blended score, of a family's raw scores; NaN
            for a rule.
        sharpe: annual, net, at costs as they are.
        sharpe_double_costs: fees and slippage doubled; the cost filter knows.
        sharpe_one_bar_late: every decision acted on one decision candle later.
        trades: closed round trips at costs as they are; None for a rule, which holds a share of a position.
        weight: of a family in the blend, mean over the traded folds: its share of the votes, or of the conviction that
            PPO joins; 0 where it never earned a vote. NaN for the blend and the rules.
        gain: in IC, of a family's mean with the first family over the first family alone, on the same bars, and
            `gain_error`, one standard error of it. NaN for the first one, the blend and the rules.
    """

    name: str
    ic: float
    sharpe: float
    sharpe_double_costs: float
    sharpe_one_bar_late: float
    trades: int | None
    weight: float = NAN
    gain: float = NAN
    gain_error: float = NAN


def contenders(walked: WalkForward, dataset: Dataset) -> tuple[Contender, ...]:
    """Return the blend, each of its families where there are several, and the rules.

    Args:
        walked: finished; its own stress does not matter.
        dataset: it was walked over.
    """
    settings = without_drawdown_stop(walked.plan.trading, dataset.timeframe)
    targets = targets_of(walked.result)
    rows = [_traded(walked.name, walked.result.path, walked, settings, targets)]
    if len(walked.plan.families) > 1:
        gains = gains_over_first(walked)
        rows += [
            replace(
                _traded(name, path_alone(walked, dataset, column), walked, settings, targets),
                ic=ic,
                weight=float(np.mean([weight_of(name, bundle.manifest) for bundle in walked.bundles])),
                gain=gains[column].mean,
                gain_error=gains[column].error,
            )
            for column, (name, ic) in enumerate(family_ics(walked).items())
        ]
    return (*rows, *_rules(walked, settings))


def family_ics(walked: WalkForward) -> dict[str, float]:
    """Return each family's IC over the traded folds: raw scores, target clipped at +-3, all bars, markets pooled."""
    scores, target, _ = _traded_rows(walked)
    return {
        family.name: information_coefficient(scores[:, column], target)
        for column, family in enumerate(walked.plan.families)
    }


def gains_over_first(walked: WalkForward) -> list[IcGain]:
    """Return for each family what it adds to the first one: the mean of both, each in its own deviation, beside the
    first alone, on the bars that all of them scored.
    """
    scores, target, open_ms = _traded_rows(walked)
    known = np.isfinite(scores).all(axis=1) & np.isfinite(target)
    none = IcGain(mean=NAN, error=NAN)
    if not known.any():
        return [none] * scores.shape[1]
    votes = scores[known] / np.maximum(scores[known].std(axis=0), 1e-12)
    first = votes[:, 0]
    others = [ic_gain(first + votes[:, k], first, target[known], open_ms[known]) for k in range(1, votes.shape[1])]
    return [none, *others]


def _traded_rows(walked: WalkForward) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the (n, K) raw scores of the traded folds and markets, their targets and opens."""
    runs = [run for run in walked.runs if run.symbol in walked.symbols]
    masks = [run.open_ms >= walked.folds.start_ms for run in runs]
    scores, target, open_ms = (
        np.concatenate([getattr(run, name)[mask] for run, mask in zip(runs, masks, strict=True)])
        for name in ("scores", "target", "open_ms")
    )
    return scores, target, open_ms


def weight_of(family: str, manifest: Manifest) -> float:
    """Return a family's share in a bundle's decisions, 0..1: of the votes, or of the conviction where it joins that."""
    votes = manifest.weights[family] / sum(manifest.weights.values())
    return manifest.ppo_weight if family == PPO and manifest.ppo_weight else votes


def path_alone(walked: WalkForward, dataset: Dataset, column: int) -> DecisionPath:
    """Return the decisions of one family of a walk, smoothed and scaled as if it had no company."""
    plan = replace(walked.plan, families=[walked.plan.families[column]])
    runs = [replace(run, scores=run.scores[:, [column]]) for run in walked.runs]
    scales = [calibrate(dataset, plan, known_before(runs, fold.start_ms, dataset)) for fold in walked.folds.traded]
    by_group = [
        [alone(bundle, plan.families[0].name, known) for bundle, known in zip(bundles, scales, strict=True)]
        for bundles in walked.by_group
    ]
    settings = without_drawdown_stop(walked.plan.trading, dataset.timeframe)
    return path_of_groups(by_group, walked.groups, walked.folds.traded, walked.result.candles, settings)


def alone(bundle: Bundle, family: str, scales: Scales) -> Bundle:
    """Return the bundle in which one family decides.

    The others stay, unheard, where it reads their scores.

    Args:
        scales: of its scores alone: what its conviction means.
    """
    manifest, own = bundle.manifest, bundle.predictors[bundle.manifest.families.index(family)]
    reads = reads_of([own])
    kept = bundle.predictors if reads else (own,)
    names = tuple(predictor.family for predictor in kept)
    manifest = manifest.model_copy(
        update={
            "families": names,
            "weights": {name: float(name == family) for name in names},
            "ppo_weight": 0.0,
            "ppo_reads": reads,
            "deviations": {name: manifest.deviations[name] for name in names},
            "calibration": scales.calibration,
            "out_of_fold": scales.out_of_fold,
        }
    )
    return Bundle(f"{bundle.id}-{family}", manifest, bundle.features, kept)


def _traded(
    name: str, path: DecisionPath, walked: WalkForward, settings: TradingSettings, targets: np.ndarray
) -> Contender:
    results = [_result(name, path, walked, settings, hardship) for hardship in HARDSHIPS]
    return _row(
        name,
        information_coefficient(path.blended.ravel(), targets.ravel()),
        [daily_returns(result.curve) for result in results],
        sum(trade.is_closed for trade in results[0].trades),
    )


def _result(
    name: str, path: DecisionPath, walked: WalkForward, settings: TradingSettings, hardship: Stress
) -> BacktestResult:
    settings, candles = stressed(settings, hardship), walked.result.candles
    begun = begin_account(candles, settings)
    return BacktestResult(
        bundle_id=name,
        settings=settings,
        candles=candles,
        path=path,
        run=run_path(path, candles, settings, begun, delay_bars=hardship.delay_bars),
        initial_units=int(begun.account["equity"][0]),
    )


def _rules(walked: WalkForward, settings: TradingSettings) -> list[Contender]:
    path, candles = walked.result.path, walked.result.candles
    found = [
        rule_baselines(path, candles, stressed(settings, hardship), delay_bars=hardship.delay_bars)
        for hardship in HARDSHIPS
    ]
    return [
        _row(rules[0].name, NAN, [daily_returns(rule.curve) for rule in rules], None)
        for rules in zip(*found, strict=True)
    ]


def _row(name: str, ic: float, returns: Sequence[np.ndarray], trades: int | None) -> Contender:
    as_is, dear, late = (sharpe(values) for values in returns)
    return Contender(name=name, ic=ic, sharpe=as_is, sharpe_double_costs=dear, sharpe_one_bar_late=late, trades=trades)
