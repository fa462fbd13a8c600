"""The monitors' statistics: quiet without a change, loud with one, and right where the answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from strategies.kernel.state import FACT, FactKind
from strategies.oversight.drift_statistics import (
    block_null,
    calibration_figures,
    counts,
    drawdown_band,
    exposure_by_day,
    holm,
    largest_drawdown,
    quantile_edges,
    ratio_band,
    stability_index,
    turnover_by_day,
)


def wandering(bars: int, memory: float, seed: int) -> np.ndarray:
    """Return an AR(1) path of unit variance."""
    rng = np.random.default_rng(seed)
    path, noise = np.zeros(bars), rng.normal(size=bars) * math.sqrt(1 - memory**2)
    for row in range(1, bars):
        path[row] = memory * path[row - 1] + noise[row]
    return path


def test_equal_counts_have_no_index_and_it_is_symmetric() -> None:
    before, now = np.full(10, 100.0), np.linspace(50, 150, 10)
    assert stability_index(before, before) == 0.0
    assert stability_index(now, before) == pytest.approx(stability_index(before, now))
    assert stability_index(now, before) > 0.05


def test_the_index_of_two_bins_is_the_formula_s() -> None:
    q, p = np.array([30.5, 70.5]) / 101, np.array([50.5, 50.5]) / 101
    assert stability_index(np.array([30.0, 70.0]), np.array([50.0, 50.0])) == pytest.approx(
        ((q - p) * np.log(q / p)).sum()
    )


def test_edges_cut_into_equal_shares_and_leave_out_what_is_missing() -> None:
    values = np.concatenate([np.arange(1000.0), [np.nan] * 50])
    assert counts(values, quantile_edges(values)).tolist() == [100.0] * 10


def test_a_wandering_feature_would_alarm_by_the_usual_bound_and_does_not_by_its_blocks() -> None:
    rng = np.random.default_rng(0)
    usual = by_blocks = 0
    for seed in range(40):
        path = wandering(6_000, 0.98, seed)
        history, week = path[:-168], path[-168:]
        edges = quantile_edges(history)
        index = stability_index(counts(week, edges), counts(history[-168:], edges))
        usual += int(index > 0.25)
        by_blocks += int(index > np.quantile(block_null(history, 168, 1_000, rng), 0.99))
    assert usual >= 30
    assert by_blocks <= 2


def test_a_shifted_feature_is_found_among_many() -> None:
    rng = np.random.default_rng(1)
    p_values = []
    for number in range(20):
        path = wandering(8_000, 0.5, number)
        path[-720:] += 0.8 * (number == 7)
        history, edges = path[:-720], quantile_edges(path[:-720])
        index = stability_index(counts(path[-720:], edges), counts(history[-720:], edges))
        null = block_null(history, 720, 4_000, rng)
        p_values.append((1 + (null >= index).sum()) / 4_001)
    assert np.flatnonzero(holm(np.array(p_values), 0.01)).tolist() == [7]


def test_holm_steps_down_and_stops_at_the_first_that_holds() -> None:
    assert holm(np.array([0.04, 0.001, 0.3, 0.012]), 0.05).tolist() == [False, True, False, True]


def test_a_history_shorter_than_two_blocks_never_alarms() -> None:
    assert np.isinf(block_null(np.arange(100.0), 60, 10, np.random.default_rng(0))).all()


@pytest.mark.parametrize(("true_slope", "broken"), [(1.0, False), (-2.0, True)])
def test_calibration_finds_the_slope_and_only_a_wrong_and_harmful_one_is_broken(
    true_slope: float, broken: bool
) -> None:
    rng = np.random.default_rng(3)
    logit = rng.normal(0, 0.4, 60_000)
    is_up = rng.random(60_000) < 1 / (1 + np.exp(-true_slope * logit))
    found = calibration_figures(1 / (1 + np.exp(-logit)), is_up, horizon_bars=12)
    assert found.slope == pytest.approx(true_slope, abs=0.1)
    assert found.is_broken is broken
    assert (found.log_loss < found.base_log_loss) is (true_slope > 0)


def test_overlapping_labels_widen_the_error() -> None:
    rng = np.random.default_rng(4)
    p, is_up = np.full(1_000, 0.6), rng.random(1_000) < 0.6
    narrow, wide = (calibration_figures(p, is_up, horizon).slope_error for horizon in (1, 16))
    assert wide == pytest.approx(4 * narrow)
    assert calibration_figures(p, is_up, 1).brier == pytest.approx(((0.6 - is_up) ** 2).mean())


def test_the_drawdown_band_covers_what_the_same_returns_do_next() -> None:
    rng = np.random.default_rng(5)
    outside = 0
    for seed in range(60):
        returns = np.random.default_rng(seed).normal(0.0005, 0.01, 1_000)
        band = drawdown_band(returns[:900], 100, 0.99, 500, 10, rng)
        outside += int(largest_drawdown(returns[900:]) > band)
    assert outside <= 4
    assert drawdown_band(np.zeros(0), 100, 0.99, 10, 10, rng) == math.inf


def test_a_loss_of_a_half_is_a_drawdown_of_a_half() -> None:
    assert largest_drawdown(np.array([1.0, -0.5, 0.2])) == pytest.approx(0.5)


def test_turnover_counts_what_was_traded_on_each_day() -> None:
    day = 86_400_000
    facts = np.zeros(3, FACT)
    facts["kind"] = FactKind.FILL
    facts["ms"], facts["lots"], facts["price"] = [10, day + 5, day + 6], [2, -1, -1], 100
    closes, equity = np.array([0, day, 2 * day]), np.array([1_000.0, 2_000.0, 2_000.0])
    assert turnover_by_day(facts, np.ones(len(facts)), closes, equity).tolist() == [0.2, 0.1]


def test_exposure_is_averaged_over_the_closes_of_each_day() -> None:
    day = 86_400_000
    closes = np.array([day // 2, day, day + day // 2, 2 * day, 3 * day])
    found = exposure_by_day(np.array([0.5, 1.5, 1.0, 3.0, 9.0]), closes, np.array([0, day, 2 * day]))
    assert found.tolist() == [1.0, 2.0]


def test_the_band_of_a_ratio_narrows_with_the_days() -> None:
    values, held = np.random.default_rng(6).gamma(1.0, 1.0, 800), np.ones(800)
    bands = [ratio_band(values, held, days, 0.99, 800, 5, np.random.default_rng(7)) for days in (10, 160)]
    widths = [high - low for low, high in bands]
    assert widths[1] < widths[0] / 2
    assert bands[1][0] < values.mean() < bands[1][1]
