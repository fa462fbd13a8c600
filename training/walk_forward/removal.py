"""PPO's removal from a finished walk forward: its folds traded again without it, same days, same stress.

Nothing is fitted again: each fold's bundle is taken apart, and what is left is scaled as a bundle of its own would have
been, by the scores known when the fold began.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from strategies.bundle.bundle import Bundle
from training.backtest.run import begin_account, run_path
from training.data.dataset import Dataset
from training.ensemble.bundle import manifest_of
from training.ensemble.joining import PPO, joins
from training.ensemble.removal import Removal, removal_of
from training.ensemble.scales import calibrate
from training.evidence.performance import EquityCurve, daily_returns
from training.walk_forward.paths import path_of_groups
from training.walk_forward.walk import WalkForward, known_before


def walked_removal(walked: WalkForward, dataset: Dataset) -> Removal | None:
    """Return the paired comparison over the traded folds; None where PPO does not stand beside others."""
    names = [family.name for family in walked.plan.families]
    if not joins(names):
        return None
    without = curve_of(walked, [bundles_without(walked, dataset, bundles) for bundles in walked.by_group])
    return removal_of(PPO, daily_returns(walked.result.curve), daily_returns(without), seed=walked.plan.seed)


def bundles_without(walked: WalkForward, dataset: Dataset, bundles: Sequence[Bundle]) -> list[Bundle]:
    """Return the bundle of each traded fold as it would have been without PPO.

    Args:
        bundles: of each traded fold, of one group of coins.
    """
    kept = [index for index, family in enumerate(walked.plan.families) if family.name != PPO]
    plan = replace(walked.plan, families=[walked.plan.families[index] for index in kept])
    runs = [replace(run, scores=run.scores[:, kept]) for run in walked.runs]
    left = []
    for bundle, fold in zip(bundles, walked.folds.traded, strict=True):
        scales = calibrate(dataset, plan, known_before(runs, fold.start_ms, dataset))
        predictors = [bundle.predictors[index] for index in kept]
        manifest = manifest_of(dataset, plan, scales, predictors)
        left.append(Bundle(f"{bundle.id}-without-{PPO}", manifest, bundle.features, predictors))
    return left


def curve_of(walked: WalkForward, by_group: Sequence[Sequence[Bundle]]) -> EquityCurve:
    """Return the equity of other bundles over the folds of a walk."""
    result = walked.result
    path = path_of_groups(by_group, walked.groups, walked.folds.traded, result.candles, result.settings)
    begun = begin_account(result.candles, result.settings)
    run = run_path(path, result.candles, result.settings, begun, delay_bars=walked.stress.delay_bars)
    return replace(result, path=path, run=run).curve
