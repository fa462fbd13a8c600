"""Statistics against independent implementations, and against what is known of noise."""

from __future__ import annotations

import math

import numpy as np
import pytest

from training.evidence.overfitting import overfitting, superior_ability
from training.evidence.significance import (
    annual_sharpes,
    bootstrap_interval,
    deflated_sharpe,
    effective_trials,
    expected_maximum_sharpe,
    minimum_track_record,
    probabilistic_sharpe,
    sharpe_moments,
    stationary_indices,
)

jsharpe = pytest.importorskip("jsharpe", reason="jsharpe is an oracle of the dev extra")
purgedcv = pytest.importorskip("purgedcv", reason="purgedcv is an oracle of the dev extra")


@pytest.fixture
def returns() -> np.ndarray:
    """Two years of skewed, fat-tailed daily returns."""
    rng = np.random.default_rng(3)
    return rng.standard_t(4, 730) * 0.01 + 0.0012 - 0.0004 * rng.exponential(1.0, 730)


@pytest.mark.parametrize("benchmark", [0.0, 0.05, -0.1])
def test_probabilistic_sharpe_agrees_with_purgedcv(returns: np.ndarray, benchmark: float) -> None:
    assert probabilistic_sharpe(returns, benchmark) == pytest.approx(
        purgedcv.probabilistic_sharpe_ratio(returns, benchmark), rel=1e-12
    )


@pytest.mark.parametrize("trials", [2, 15, 1000])
def test_expected_maximum_agrees_with_jsharpe(trials: int) -> None:
    assert expected_maximum_sharpe(trials, 0.002) == pytest.approx(
        jsharpe.expected_maximum_sharpe_ratio(trials, 0.002), rel=1e-12
    )


@pytest.mark.parametrize("trials", [1, 7, 130])
def test_deflated_sharpe_agrees_with_purgedcv(returns: np.ndarray, trials: int) -> None:
    assert deflated_sharpe(returns, trials, 0.001) == pytest.approx(
        purgedcv.deflated_sharpe_ratio(returns, trials, 0.001), rel=1e-12
    )


def test_minimum_track_record_agrees_with_purgedcv(returns: np.ndarray) -> None:
    moments = sharpe_moments(returns)
    expected = purgedcv.min_track_record_length(moments.sharpe, 0.0, 0.05, moments.skew, moments.kurtosis)
    assert minimum_track_record(moments) == expected


def test_a_sharpe_of_one_a_year_needs_about_two_point_seven_years() -> None:
    # normal returns, 95 %: the published table of the recipe
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(4000)
    noise = (noise - noise.mean()) / noise.std()
    moments = sharpe_moments(noise + 1.0 / math.sqrt(365))
    assert minimum_track_record(moments) / 365 == pytest.approx(2.7, abs=0.1)


def test_no_record_is_long_enough_for_a_sharpe_that_is_not_there(returns: np.ndarray) -> None:
    assert minimum_track_record(sharpe_moments(returns - 0.01)) == math.inf


def test_effective_trials_agrees_with_jsharpe() -> None:
    rng = np.random.default_rng(5)
    returns = rng.standard_normal((400, 3)) @ rng.standard_normal((3, 12)) + 0.3 * rng.standard_normal((400, 12))
    expected = jsharpe.effective_rank(np.corrcoef(returns, rowvar=False))
    assert effective_trials(returns) == pytest.approx(expected, rel=1e-9)


def test_copies_of_one_trial_count_once() -> None:
    one = np.random.default_rng(1).standard_normal((300, 1))
    assert effective_trials(np.repeat(one, 20, axis=1)) == pytest.approx(1.0, abs=1e-6)


def test_pbo_agrees_with_purgedcv() -> None:
    returns = np.random.default_rng(9).standard_normal((480, 12)) * 0.01
    expected = purgedcv.probability_of_backtest_overfitting(returns.T, n_splits=8)
    found = overfitting(returns, blocks=8)
    assert found.splits == expected.n_combos
    assert found.probability == pytest.approx(expected.pbo)
    assert found.slope == pytest.approx(expected.slope, rel=1e-6)


def test_a_trial_that_is_truly_better_is_not_overfitted() -> None:
    returns = np.random.default_rng(2).standard_normal((960, 10)) * 0.01
    returns[:, 4] += 0.004
    assert overfitting(returns).probability < 0.01


def test_selection_among_noise_is_no_better_than_chance() -> None:
    probabilities = [
        overfitting(np.random.default_rng(seed).standard_normal((640, 20)), blocks=8).probability for seed in range(12)
    ]
    assert 0.35 < float(np.mean(probabilities)) < 0.75


def test_pbo_refuses_an_odd_number_of_blocks() -> None:
    with pytest.raises(ValueError, match="7 blocks"):
        overfitting(np.zeros((100, 3)), blocks=7)


def test_spa_finds_a_better_candidate_and_not_a_lucky_one() -> None:
    rng = np.random.default_rng(4)
    noise = rng.standard_normal((700, 6)) * 0.01
    noise -= noise.mean(axis=0)
    cash = np.zeros(700)
    assert superior_ability(cash, noise, repetitions=300).consistent > 0.1
    noise[:, 2] += 0.003
    assert superior_ability(cash, noise, repetitions=300).consistent < 0.01


def test_bootstrap_blocks_have_the_mean_length_asked_for() -> None:
    rows = stationary_indices(2000, 20, 10.0, np.random.default_rng(0))
    breaks = (np.diff(rows, axis=1) % 2000 != 1).mean()
    assert 1.0 / breaks == pytest.approx(10.0, rel=0.05)


def test_bootstrap_interval_of_independent_returns_has_the_textbook_width() -> None:
    returns = np.random.default_rng(6).standard_normal(1460) * 0.01 + 0.0005
    low, high = bootstrap_interval(returns, annual_sharpes)
    # standard error of an annual Sharpe over 4 years is about sqrt(1/4)
    assert high - low == pytest.approx(2 * 1.96 * 0.5, rel=0.15)


def test_one_seed_gives_one_interval(returns: np.ndarray) -> None:
    first = bootstrap_interval(returns, annual_sharpes, repetitions=200, seed=1)
    assert bootstrap_interval(returns, annual_sharpes, repetitions=200, seed=1) == first
    assert bootstrap_interval(returns, annual_sharpes, repetitions=200, seed=2) != first
