"""Each family of a walk alone, the blend and the rules: the rows are what separate walks would have printed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from strategies.predictors.ppo_model import FILE
from tests.training.families.ppo.agents import random_model
from tests.training.walk_forward.walk_builders import made_folds, made_plan, made_world, run_candles, small_xgboost
from training.backtest.rule_baselines import ACROSS, DONCHIAN, MOMENTUM
from training.backtest.run import Stress
from training.data.dataset import Dataset
from training.ensemble.families import RidgeFamily
from training.evidence.performance import daily_returns, sharpe
from training.families.interface import ModelFamily
from training.families.ppo.family import PpoFiles
from training.walk_forward.contenders import Contender, contenders, path_alone, weight_of
from training.walk_forward.walk import WalkForward, walk_forward

BARS = 8_000


def walked(*families: ModelFamily, stress: Stress | None = None) -> WalkForward:
    dataset = made_world(bars=BARS)
    folds = made_folds(dataset)
    return walk_forward(dataset, run_candles(dataset, folds), made_plan(*families), folds, stress=stress or Stress())


@cache
def both() -> WalkForward:
    return walked(small_xgboost(), RidgeFamily())


@cache
def rows() -> dict[str, Contender]:
    return {row.name: row for row in contenders(both(), made_world(bars=BARS))}


@dataclass(frozen=True, kw_only=True)
class Untrained:
    """Agents that learnt nothing and see the scores of the others."""

    name: str = "ppo"

    def fit(self, dataset: Dataset, known_by_ms: int) -> PpoFiles:
        return PpoFiles(files={FILE: random_model(policies=1, reads=dataset.others).to_bytes()})

    def describe(self) -> dict[str, object]:
        return {}


def sharpe_of(walk: WalkForward) -> float:
    return sharpe(daily_returns(walk.result.curve))


def test_a_family_alone_decides_what_its_own_walk_forward_decides() -> None:
    dataset = made_world(bars=BARS)
    families: tuple[ModelFamily, ...] = (small_xgboost(), RidgeFamily())
    for column, family in enumerate(families):
        own, alone = walked(family), path_alone(both(), dataset, column)
        np.testing.assert_array_equal(alone.conviction, own.result.path.conviction)
        np.testing.assert_array_equal(alone.expected_return, own.result.path.expected_return)
        row = rows()[family.name]
        assert row.sharpe == sharpe_of(own)
        assert row.trades == sum(trade.is_closed for trade in own.result.trades)


def test_the_hardships_are_those_of_stressed_walks() -> None:
    families = (small_xgboost(), RidgeFamily())
    row = rows()["xgboost+ridge"]
    assert row.sharpe == sharpe_of(both())
    assert row.sharpe_double_costs == sharpe_of(walked(*families, stress=Stress(costs_factor=2.0)))
    assert row.sharpe_one_bar_late == sharpe_of(walked(*families, stress=Stress(delay_bars=1)))
    assert row.sharpe_double_costs < row.sharpe


def test_weights_are_the_mean_over_the_folds() -> None:
    manifests = [bundle.manifest for bundle in both().bundles]
    shares = [manifest.weights["ridge"] / sum(manifest.weights.values()) for manifest in manifests]
    assert rows()["ridge"].weight == pytest.approx(np.mean(shares))
    assert rows()["ridge"].weight + rows()["xgboost"].weight == pytest.approx(1.0)
    assert np.isnan(rows()["xgboost+ridge"].weight)


def test_ppo_weighs_what_it_has_of_the_conviction() -> None:
    manifest = walked(RidgeFamily(), Untrained()).bundles[0].manifest
    assert weight_of("ppo", manifest) == manifest.ppo_weight > 0.0
    assert weight_of("ridge", manifest) == 1.0


def test_the_rules_stand_beside_without_a_forecast() -> None:
    assert list(rows()) == ["xgboost+ridge", "xgboost", "ridge", DONCHIAN, MOMENTUM, ACROSS]
    for name in (DONCHIAN, MOMENTUM, ACROSS):
        rule = rows()[name]
        assert np.isnan(rule.ic)
        assert rule.trades is None
        assert len({rule.sharpe, rule.sharpe_double_costs, rule.sharpe_one_bar_late}) == 3
        assert rule.sharpe_double_costs < rule.sharpe


def test_a_walk_of_one_family_has_no_row_twice() -> None:
    names = [row.name for row in contenders(walked(RidgeFamily()), made_world(bars=BARS))]
    assert names == ["ridge", DONCHIAN, MOMENTUM, ACROSS]


def test_ppo_is_heard_alone_though_it_reads_the_others() -> None:
    dataset = made_world(bars=BARS)
    walk = walked(RidgeFamily(), Untrained())
    alone = path_alone(walk, dataset, 1)
    votes = alone.votes[:, :, -1]
    np.testing.assert_array_equal(alone.blended, votes)
    assert np.isfinite(votes).any()


def test_what_a_family_adds_to_the_first_is_told_with_its_error() -> None:
    first, second = rows()["xgboost"], rows()["ridge"]
    assert np.isnan(first.gain)
    assert np.isfinite(second.gain)
    assert second.gain_error > 0.0
    assert np.isnan(rows()["xgboost+ridge"].gain)
