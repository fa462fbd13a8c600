"""Calibration: shrunk, through the origin, never a negative slope; applied as documented."""

from __future__ import annotations

import numpy as np
import pytest

from strategies.bundle.calibration import Calibration, confidence_quantiles, fit, smoothed_scores
from strategies.bundle.ensemble import smooth
from strategies.kernel.state import MEMORY


def outcomes(slope: float, rows: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    conviction = rng.normal(size=rows)
    return conviction, slope * conviction + rng.normal(size=rows)


def test_the_slope_is_found_on_much_data_and_shrunk_on_little() -> None:
    much, _ = fit(*outcomes(0.08, 200_000), horizon_bars=12)
    little, _ = fit(*outcomes(0.08, 4_000), horizon_bars=12)
    assert much == pytest.approx(0.08, abs=0.01)
    assert 0 <= little < 0.06


def test_a_score_that_is_wrong_expects_nothing_but_may_say_that_it_is_often_wrong() -> None:
    slope, probability_slope = fit(*outcomes(-0.3, 50_000), horizon_bars=12)
    assert slope == 0.0
    assert probability_slope < -0.1


def test_expected_return_is_slope_times_conviction_in_the_markets_units() -> None:
    calibration = Calibration(conviction_deviation=0.5, slope=0.05)
    conviction = calibration.conviction(0.75)
    assert conviction == 1.5
    assert calibration.expected_return(conviction, 0.006, 12) == pytest.approx(0.05 * 1.5 * 0.006 * 12**0.5)


def test_probability_is_one_half_without_conviction() -> None:
    calibration = Calibration(conviction_deviation=1.0, slope=0.05, probability_slope=0.2)
    assert calibration.probability_up(0.0) == 0.5
    assert calibration.probability_up(1.0) + calibration.probability_up(-1.0) == pytest.approx(1.0)
    assert np.isnan(Calibration(conviction_deviation=1.0).probability_up(1.0))


def test_confidence_is_the_share_of_past_convictions_below() -> None:
    quantiles = confidence_quantiles(np.linspace(-2, 2, 4001))
    calibration = Calibration(conviction_deviation=1.0, confidence_quantiles=quantiles)
    assert calibration.confidence(1.0) == pytest.approx(0.5, abs=0.01)
    assert calibration.confidence(-9.0) == 1.0
    assert calibration.confidence(0.0) == 0.0


def test_smoothing_in_training_has_the_bits_of_smoothing_in_live() -> None:
    scores = np.random.default_rng(0).normal(size=300)
    scores[50:60] = np.nan
    memory = np.zeros(1, MEMORY)
    live = []
    for score in scores:
        smooth(memory, np.array([score]), 2.0 / 13.0)
        live.append(float(memory["smoothed"][0]))
    assert smoothed_scores(scores, 12).tolist() == live
