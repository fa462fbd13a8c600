"""PPO beside others: it joins after smoothing with the weight it earns, and every road to a conviction agrees."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from strategies.bundle.bundle import Bundle
from strategies.bundle.ensemble import agreement, join
from strategies.features.blocks import block_slices
from strategies.market import Timeframe
from strategies.predictors.ppo import PpoPredictor
from tests.made_bundles import made_dataset, made_plan
from tests.training.families.ppo.agents import random_model
from training.data.market_scores import MarketScores
from training.ensemble.bundle import manifest_of
from training.ensemble.joining import blend_weights, earned_weight, joined
from training.ensemble.scales import calibrate


def signal(seed: int, n: int = 20_000) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=n)


def test_weight_zero_and_an_absent_vote_change_nothing() -> None:
    conviction = signal(1, 100)
    assert join(conviction, signal(2, 100), 0.0).tobytes() == conviction.tobytes()
    assert join(conviction, np.full(100, np.nan), 0.2).tobytes() == conviction.tobytes()
    np.testing.assert_allclose(join(conviction, np.ones(100), 0.15), 0.85 * conviction + 0.15)


def test_agreement_is_of_the_side_that_is_traded() -> None:
    conviction = np.array([2.0, -2.0, 2.0, 0.0, np.nan, 1.0])
    exposure = np.array([0.5, 0.5, -3.0, 1.0, 1.0, np.nan])
    assert agreement(conviction, exposure).tolist() == [0.5, -0.5, -1.0, 0.0, 0.0, 0.0]


def test_who_adds_nothing_keeps_the_floor_and_who_adds_all_the_cap() -> None:
    ml, ppo, noise = signal(1), signal(2), signal(3)
    assert earned_weight(ml, ppo, 0.1 * ml + noise, 0.05, 0.20) == 0.05
    assert earned_weight(ml, ppo, 0.1 * ppo + noise, 0.05, 0.20) == 0.20
    assert earned_weight(ml, ppo, 0.09 * ml + 0.012 * ppo + 0.01 * noise, 0.05, 0.20) == pytest.approx(0.12, abs=0.02)
    assert earned_weight(ml, ml, 0.1 * ml + noise, 0.05, 0.20) == 0.05  # a copy adds nothing
    assert earned_weight(ml[:50], ppo[:50], ppo[:50], 0.05, 0.20) == 0.05


def test_ppo_is_out_of_the_mean_beside_others_and_votes_when_alone() -> None:
    assert blend_weights(["xgboost", "ppo"]) == {"xgboost": 1.0, "ppo": 0.0}
    assert blend_weights(["ppo"]) == {"ppo": 1.0}
    convictions, weight = joined([signal(1, 10)], [signal(2, 10)[:, None]], ["ppo"], signal(3, 10), 0.05, 0.2)
    assert weight == 0.0
    assert convictions[0].tobytes() == signal(1, 10).tobytes()


def test_live_and_training_join_to_the_same_convictions() -> None:
    """The convictions that were calibrated out of fold are those the bundle would trade on the same scores."""
    made, plan = made_dataset(), made_plan()
    family = replace(plan.families[1], name="ppo")  # type: ignore[type-var]
    plan = replace(plan, families=[plan.families[1], family])
    segment = made.segments[0]
    scores = np.random.default_rng(5).normal(size=(len(segment.target), 2)) * [0.3, 0.7]
    scores += np.array([0.05, 0.5]) * np.nan_to_num(segment.target)[:, None]
    run = MarketScores(
        symbol=segment.symbol,
        open_ms=segment.open_ms,
        scores=scores,
        target=segment.target,
        known_by_ms=segment.open_ms - 1,
        open=segment.open,
        close=segment.close,
        sigma=segment.sigma,
        volatility=segment.volatility,
    )
    scales = calibrate(made, plan, [run])
    manifest = manifest_of(made, plan, scales)
    assert manifest.weights == {"ridge": 1.0, "ppo": 0.0}
    assert 0.05 <= manifest.ppo_weight <= 0.20
    votes = scores / [scales.deviations["ridge"], scales.deviations["ppo"]]
    smoothed, value = [], 0.0
    for vote in votes[:, 0]:
        value += 2 / 13 * (vote - value)
        smoothed.append(value)
    base = np.array(smoothed) / scales.calibration.conviction_deviation
    expected = (1 - manifest.ppo_weight) * base + manifest.ppo_weight * votes[:, 1]
    np.testing.assert_allclose(scales.convictions[0].conviction, expected, rtol=1e-9)


def test_a_bundle_tells_ppos_vote_apart_and_leaves_it_out_of_the_blend() -> None:
    from tests.made_bundles import made_bundle

    made = made_bundle().bundle
    families = ("ridge", "ppo")
    weights = blend_weights(families)
    manifest = made.manifest.model_copy(
        update={"families": families, "weights": weights, "deviations": {"ridge": 0.2, "ppo": 0.5}, "ppo_weight": 0.1}
    )
    ridge = made.predictors[made.manifest.families.index("ridge")]
    bundle = Bundle("b-made", manifest, made.features, [ridge, PpoPredictor(random_model())])
    part = block_slices(made_dataset().segments[0].candles, Timeframe.H1)[-1]
    prepared = bundle.prepare(part, "AAAUSDT")
    [inputs] = bundle.decision_inputs([prepared])
    assert inputs.blended.tobytes() == inputs.votes[:, 0].tobytes()
    assert inputs.joined.tobytes() == inputs.votes[:, 1].tobytes()
    conviction = bundle.conviction(inputs.blended, inputs.joined)
    alone = bundle.conviction(inputs.blended)
    np.testing.assert_allclose(conviction, 0.9 * made.calibration.conviction(inputs.blended) + 0.1 * inputs.joined)
    assert np.array_equal(alone, made.calibration.conviction(inputs.blended))
    side = bundle.agreement(conviction, inputs.joined)
    np.testing.assert_allclose(side, np.sign(conviction) * PpoPredictor(random_model()).scores([prepared])[0])
