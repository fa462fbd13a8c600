"""The e-process: by hand, under the null with overlapping fat-tailed labels, and with an edge."""

from __future__ import annotations

import math

import numpy as np
import pytest

from strategies.oversight.e_process import EProcess, log_ratio

HORIZON = 12


def test_one_outcome_by_hand() -> None:
    assert log_ratio(1.0, 0.5, 0.0) == pytest.approx(0.5 * (1.0 - 0.25))
    evidence = EProcess.begin(1, 2).seen(0, 7, 1.0, 0.5, 0.0)
    assert evidence.logs.tolist() == [[0.0, 0.375]]
    assert evidence.for_challenger == pytest.approx((1 + math.exp(0.375)) / 2)
    assert evidence.for_champion == pytest.approx((1 + math.exp(-0.375)) / 2)
    assert evidence.observations == 1


def test_those_who_expect_the_same_never_decide() -> None:
    evidence = EProcess.begin(1, HORIZON)
    for bar in range(100):
        evidence = evidence.seen(0, bar, (-1.0) ** bar, 0.1, 0.1)
    assert evidence.for_challenger == 1.0
    assert evidence.days_to_decide(20.0, 1.0) == math.inf


def test_an_outcome_that_is_not_known_changes_nothing() -> None:
    evidence = EProcess.begin(2, HORIZON)
    assert evidence.seen(0, 1, float("nan"), 0.1, 0.2) is evidence
    assert evidence.seen(0, 1, 0.3, float("nan"), 0.2) is evidence


def test_the_text_gives_back_every_bit() -> None:
    evidence = EProcess.begin(3, HORIZON).seen(1, 5, 0.3, 0.1, -0.07).seen(2, 6, -1.2, 0.31, 0.0)
    again = EProcess.from_json(evidence.to_json())
    assert again.logs.tobytes() == evidence.logs.tobytes()
    assert (again.observations, again.growth) == (evidence.observations, evidence.growth)


def world(rng: np.random.Generator, bars: int, markets: int, champion: float, challenger: float, truth: float):
    """Return (outcomes, champion's, challenger's) of correlated markets with overlapping fat-tailed labels.

    A persistent signal moves the mean of each bar's return by truth; both forecasters see it, at their own slopes.
    """
    signal = np.zeros((bars + HORIZON, markets))
    shocks = rng.normal(size=signal.shape)
    for bar in range(1, len(signal)):
        signal[bar] = 0.98 * signal[bar - 1] + math.sqrt(1 - 0.98**2) * shocks[bar]
    common = rng.standard_t(4, size=(bars + HORIZON, 1)) / math.sqrt(2)
    noise = 0.8 * common + 0.6 * rng.standard_t(4, size=signal.shape) / math.sqrt(2)
    sums = np.cumsum(noise, axis=0)
    outcome = (sums[HORIZON:] - sums[:-HORIZON]) / math.sqrt(HORIZON) + truth * signal[:bars]
    return np.clip(outcome, -3, 3), champion * signal[:bars], challenger * signal[:bars]


def greatest_ratio(outcome: np.ndarray, champion: np.ndarray, challenger: np.ndarray) -> float:
    """Return the greatest averaged ratio over the whole path, looked at after every bar."""
    bars, markets = outcome.shape
    steps = 0.5 * ((outcome - champion) ** 2 - (outcome - challenger) ** 2)
    streams = np.zeros((bars, markets, HORIZON))
    for bar in range(bars):
        streams[bar, :, bar % HORIZON] = steps[bar]
    return float(np.exp(np.cumsum(streams, axis=0)).mean(axis=(1, 2)).max())


def test_the_vectorised_path_is_the_process() -> None:
    parts = world(np.random.default_rng(0), 200, 2, 0.0, 0.1, 0.1)
    evidence, greatest = EProcess.begin(2, HORIZON), 0.0
    for bar in range(200):
        for market in range(2):
            evidence = evidence.seen(market, bar, *(float(parts[part][bar, market]) for part in (0, 2, 1)))
        greatest = max(greatest, evidence.for_challenger)
    assert greatest == pytest.approx(greatest_ratio(*parts))


def test_when_the_champion_is_right_a_challenger_wins_in_at_most_one_world_of_twenty() -> None:
    wins = sum(
        greatest_ratio(*world(np.random.default_rng(seed), 2_500, 3, 0.05, 0.20, 0.05)) >= 20 for seed in range(200)
    )
    assert wins <= 10


def test_a_challenger_that_is_right_by_far_wins_in_about_the_time_expected() -> None:
    found = [greatest_ratio(*world(np.random.default_rng(seed), 8_000, 3, 0.0, 0.25, 0.25)) for seed in range(40)]
    assert np.mean(np.array(found) >= 20) > 0.8


def test_the_expected_time_is_shown_in_days_and_shrinks_as_evidence_grows() -> None:
    outcome, champion, challenger = world(np.random.default_rng(1), 2_000, 1, 0.0, 0.1, 0.1)
    evidence = EProcess.begin(1, HORIZON)
    for bar in range(2_000):
        evidence = evidence.seen(0, bar, float(outcome[bar, 0]), float(challenger[bar, 0]), float(champion[bar, 0]))
    expected = math.log(20) / (0.5 * 0.1**2 * 2)  # two outcomes a day and stream
    assert evidence.days_to_decide(20.0, 1.0) + 2_000 / 24 == pytest.approx(expected, rel=0.5)
    assert evidence.days_to_decide(1e-9, 1.0) == 0.0
