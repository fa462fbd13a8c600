"""What a family was worth out of fold, against worlds in which it is known."""

from __future__ import annotations

import numpy as np
import pytest

from strategies.market import HOUR_MS
from training.ensemble.family_figures import calibration_error, figures_of

ROWS = 40_000
TIMES = np.arange(ROWS) * HOUR_MS


def world(edge: float) -> tuple[np.ndarray, np.ndarray]:
    """Return (scores, targets) whose correlation is `edge`, both of unit deviation."""
    random = np.random.default_rng(5)
    scores, noise = random.standard_normal(ROWS), random.standard_normal(ROWS)
    return scores, edge * scores + np.sqrt(1 - edge**2) * noise


def test_a_forecast_twice_too_bold_has_a_slope_of_one_half() -> None:
    scores, target = world(0.2)
    found = figures_of("xgboost", 0.4 * scores, target, TIMES, 1)
    assert found.slope == pytest.approx(0.5, abs=0.03)
    assert found.ic == pytest.approx(0.2, abs=0.01)
    assert found.auc == pytest.approx(0.5 + 2 * np.arcsin(0.2 / np.sqrt(2)) / np.pi, abs=0.01)
    assert found.calibration_error < 0.02
    assert found.log_loss_gain > 0.005


def test_a_forecast_of_nothing_gains_nothing() -> None:
    random = np.random.default_rng(6)
    found = figures_of("ridge", random.standard_normal(ROWS), world(0.2)[1], TIMES, 12)
    assert abs(found.ic) < 0.02
    assert found.log_loss_gain < 0.001


def test_a_relation_that_turns_round_shows_in_the_calibration() -> None:
    scores, target = world(0.4)
    turned = np.where(np.median(TIMES) > TIMES, target, -target)
    found = figures_of("lstm", scores, turned, TIMES, 1)
    assert found.log_loss_gain < -0.02
    assert found.calibration_error > 0.1


def test_rows_without_a_score_or_a_target_are_left_out() -> None:
    scores, target = world(0.2)
    scores[:1_000], target[-500:] = np.nan, np.nan
    assert figures_of("ppo", scores, target, TIMES, 1).rows == ROWS - 1_500
    assert np.isnan(figures_of("ppo", np.ones(ROWS), target, TIMES, 1).ic)


def test_the_calibration_error_is_the_mean_gap_of_the_bins() -> None:
    chance = np.repeat([0.2, 0.8], 500)
    is_up = np.tile([True, False], 500)
    assert calibration_error(chance, is_up) == pytest.approx(0.3)
