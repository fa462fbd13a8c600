"""Weights of the blend: earned out of fold, known in time, lost visibly."""

from __future__ import annotations

import numpy as np
import pytest

from storage.config.tree import Config
from strategies.bundle.ensemble import blend
from strategies.market import DAY_MS, HOUR_MS
from tests.made_bundles import SMALL, made_dataset
from training.ensemble.bundle import train
from training.ensemble.families import RidgeFamily, XGBoostFamily
from training.ensemble.plan import Plan, recipe_id
from training.ensemble.seats import seated
from training.ensemble.stacking import (
    LEAST_HISTORY_MS,
    Method,
    Weighting,
    fixed_share,
    stacked,
    weigh,
    weights_by,
)
from training.ensemble.votes import Votes
from training.evidence.ic_difference import ic_gain

ROWS = 20_000
NAMES = ["good", "fair", "noise"]
EQUAL = np.ones(3)
METHODS: tuple[Method, ...] = ("mean", "stacking", "soft", "fixed_share")


def made_votes(strengths: tuple[float, ...] = (0.15, 0.08, 0.0), seed: int = 0) -> Votes:
    """Return hourly votes of which each foretells its own part of the target."""
    rng = np.random.default_rng(seed)
    votes = rng.normal(size=(ROWS, len(strengths)))
    target = votes @ np.array(strengths) + rng.normal(size=ROWS)
    open_ms = np.arange(ROWS, dtype=np.int64) * HOUR_MS
    return Votes(votes=votes, target=target, open_ms=open_ms, known_ms=open_ms + 2 * HOUR_MS, horizon_bars=1)


@pytest.mark.parametrize("method", METHODS)
def test_a_family_joins_when_it_adds_and_noise_does_not_and_it_is_said(method: Method) -> None:
    weighed = weigh(made_votes(), NAMES, EQUAL, Weighting(method=method))
    assert weighed.weights[2] == 0.0
    assert weighed.weights[0] > 0.0
    assert weighed.weights[1] > 0.0
    assert [seat.votes for seat in weighed.seats] == [True, True, False]
    assert [note.split(":")[0] for note in weighed.notes] == [
        "good votes from the start",
        "fair votes",
        "noise does not vote",
    ]


def test_who_votes_stays_while_the_blend_is_not_better_without_it() -> None:
    past = made_votes((0.1, 0.006), seed=3)
    newcomer, _ = seated(past, ["first", "other"], (0,))
    sitting, _ = seated(past, ["first", "other"], (0, 1))
    gain = ic_gain(past.votes.mean(1), past.votes[:, 0], past.target, past.open_ms)
    assert newcomer == ((0, 1) if gain.excess > 0 else (0,))
    assert sitting == ((0, 1) if gain.mean > 0 else (0,))


def test_the_first_family_loses_its_vote_when_it_costs_more_than_one_error() -> None:
    members, seats = seated(made_votes((0.0, 0.2)), ["first", "other"], (0, 1))
    assert members == (1,)
    assert seats[0].words.startswith("first lost its vote")


def test_equal_families_keep_equal_weights() -> None:
    past = made_votes((0.1, 0.1, 0.1))
    assert weigh(past, NAMES, EQUAL, Weighting()).weights.tolist() == [1.0, 1.0, 1.0]
    stacking = weigh(past, NAMES, EQUAL, Weighting(method="stacking")).weights
    assert stacking == pytest.approx([1.0, 1.0, 1.0], abs=0.25)


@pytest.mark.parametrize("method", ["stacking", "soft", "fixed_share"])
def test_the_better_family_weighs_more(method: Method) -> None:
    past = made_votes((0.16, 0.08))
    weights = weigh(past, ["good", "fair"], np.ones(2), Weighting(method=method)).weights
    assert weights[0] > 1.15 * weights[1]
    assert weights.mean() == pytest.approx(1.0)


def test_stacking_is_never_negative_and_close_to_equal_without_evidence() -> None:
    past = made_votes((0.2, -0.2))
    assert stacked(past.votes, past.target, 1.0).min() >= 0.0
    few = past.votes[:40] * np.array([1.0, -1.0])
    weights = stacked(few, past.target[:40], 0.01)
    assert weights / weights.mean() == pytest.approx([1.0, 1.0], abs=0.1)


def test_fixed_share_forgets_who_was_good_long_ago() -> None:
    first, second = made_votes((0.4, 0.0), seed=1), made_votes((0.0, 0.4), seed=2)
    votes, target = np.concatenate([first.votes, second.votes]), np.concatenate([first.target, second.target])
    open_ms = np.arange(2 * ROWS, dtype=np.int64) * HOUR_MS
    before = fixed_share(first.votes, first.target, first.open_ms, 1.0, 0.01)
    after = fixed_share(votes, target, open_ms, 1.0, 0.01)
    assert before[0] > before[1]
    assert after[1] > after[0]


@pytest.mark.parametrize("method", METHODS)
def test_the_past_is_blended_with_weights_it_could_know(method: Method) -> None:
    past, weighting = made_votes(), Weighting(method=method)
    half = ROWS // 2
    cut = Votes(
        votes=past.votes[:half],
        target=past.target[:half],
        open_ms=past.open_ms[:half],
        known_ms=past.known_ms[:half],
        horizon_bars=1,
    )
    whole, part = weigh(past, NAMES, EQUAL, weighting), weigh(cut, NAMES, EQUAL, weighting)
    assert np.array_equal(whole.blended[:half], part.blended)
    first_year = past.open_ms < LEAST_HISTORY_MS
    assert np.array_equal(whole.blended[first_year], blend(past.votes[first_year], np.array([1.0, 0.0, 0.0])))


def test_a_label_not_yet_settled_changes_no_weight() -> None:
    past = made_votes()
    border = 500 * DAY_MS
    spoiled = Votes(
        votes=past.votes,
        target=np.where(past.known_ms > border, 100.0, past.target),
        open_ms=past.open_ms,
        known_ms=past.known_ms,
        horizon_bars=1,
    )
    for method in METHODS:
        honest = weights_by(past, border, NAMES, Weighting(method=method))
        assert np.array_equal(honest[0], weights_by(spoiled, border, NAMES, Weighting(method=method))[0])


def test_who_has_no_vote_at_all_is_left_out_and_one_voter_keeps_it() -> None:
    weighed = weigh(made_votes(), NAMES, np.array([1.0, 0.0, 0.0]), Weighting(method="stacking"))
    assert weighed.weights.tolist() == [1.0, 0.0, 0.0]
    assert weighed.notes == ()


def test_the_error_of_an_ic_gain_is_what_repetition_shows() -> None:
    gains = []
    for seed in range(60):
        past = made_votes((0.1, 0.0), seed=seed)
        gains.append(ic_gain(past.votes[:, 0], past.votes.mean(1), past.target, past.open_ms))
    assert np.std([gain.mean for gain in gains]) == pytest.approx(np.mean([gain.error for gain in gains]), rel=0.3)
    assert np.isinf(ic_gain(past.votes[:100, 0], past.votes[:100, 1], past.target[:100], past.open_ms[:100]).error)


def test_a_bundle_freezes_its_weights_and_another_method_is_another_recipe() -> None:
    config = Config()
    plan = Plan(
        families=[XGBoostFamily(settings=SMALL), RidgeFamily()],
        trading=config.trading,
        validation=config.validation,
        weighting=Weighting(method="soft"),
    )
    trained = train(made_dataset(bars=16_000), plan)
    weights = trained.bundle.manifest.weights
    assert set(weights) == {"xgboost", "ridge"}
    assert [seat.family for seat in trained.scales.seats] == ["xgboost", "ridge"]
    assert [seat.votes for seat in trained.scales.seats] == [weight > 0 for weight in weights.values()]
    mean = Plan(families=plan.families, trading=config.trading, validation=config.validation)
    assert recipe_id(made_dataset(), mean) != recipe_id(made_dataset(), plan)
