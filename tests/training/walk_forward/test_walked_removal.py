"""A walk forward says what it would have come to without PPO, on the very same days."""

from __future__ import annotations

from functools import cache

import numpy as np

from strategies.predictors.ppo_model import FILE
from tests.training.families.ppo.agents import random_model
from tests.training.walk_forward.walk_builders import made_folds, made_plan, made_world, run_candles, small_xgboost
from training.backtest.run import Stress
from training.ensemble.families import RidgeFamily
from training.evidence.performance import daily_returns
from training.families.interface import ModelFamily
from training.families.ppo.family import PpoFiles
from training.walk_forward.card import walk_forward_card
from training.walk_forward.fold_plan import Schedule
from training.walk_forward.removal import bundles_without, curve_of, walked_removal
from training.walk_forward.walk import WalkForward, walk_forward

BARS = 8_000


class Untrained:
    """Agents that learnt nothing and see the scores of the others."""

    name = "ppo"

    def fit(self, dataset, known_by_ms):  # type: ignore[no-untyped-def]
        return PpoFiles(files={FILE: random_model(policies=1, reads=dataset.others).to_bytes()})

    def describe(self) -> dict[str, object]:
        return {}


@cache
def walked(*names: str, delay_bars: int = 0) -> WalkForward:
    made: dict[str, ModelFamily] = {"xgboost": small_xgboost(), "ridge": RidgeFamily(), "ppo": Untrained()}
    dataset = made_world(bars=BARS)
    folds = made_folds(dataset)
    plan = made_plan(*(made[name] for name in names))
    return walk_forward(dataset, run_candles(dataset, folds), plan, folds, stress=Stress(delay_bars=delay_bars))


def test_the_other_account_is_the_walk_that_never_had_ppo() -> None:
    dataset = made_world(bars=BARS)
    beside, alone = walked("xgboost", "ridge", "ppo"), walked("xgboost", "ridge")
    found = walked_removal(beside, dataset)
    assert found is not None
    curve = curve_of(beside, [bundles_without(beside, dataset, beside.bundles)])
    assert np.array_equal(curve.equity, alone.result.curve.equity)
    days = len(daily_returns(alone.result.curve))
    assert found.days == days > 60
    assert found.sharpe_with != found.sharpe_without


def test_stress_is_on_both_accounts() -> None:
    dataset = made_world(bars=BARS)
    late = walked("xgboost", "ridge", "ppo", delay_bars=1)
    curve = curve_of(late, [bundles_without(late, dataset, late.bundles)])
    assert np.array_equal(curve.equity, walked("xgboost", "ridge", delay_bars=1).result.curve.equity)


def test_the_card_says_it_and_only_where_ppo_stands_beside_others(tmp_path) -> None:  # type: ignore[no-untyped-def]
    dataset = made_world(bars=BARS)
    for names, is_said in ((("xgboost", "ridge", "ppo"), True), (("xgboost", "ridge"), False)):
        card, _ = walk_forward_card(walked(*names), dataset, Schedule(), tmp_path, None)
        assert any(note.startswith("ppo: net Sharpe") for note in card.notes) == is_said
        assert (card.document()["removal"] is not None) == is_said
