"""The expected hold: counted by the thresholds, and what a forecast over it is worth."""

from __future__ import annotations

import numpy as np
import pytest

from strategies.bundle.calibration import Calibration
from strategies.kernel.settings import DecisionSettings
from training.data.market_scores import MarketScores
from training.ensemble import hold
from training.ensemble.hold import hold_target, mean_hold

DECISION = DecisionSettings()


def one_run(closes: int, seed: int = 0) -> MarketScores:
    rng = np.random.default_rng(seed)
    price = 100.0 * np.exp(np.cumsum(0.01 * rng.normal(size=closes)))
    return MarketScores(
        symbol="MADEUSDT",
        open_ms=np.arange(closes, dtype=np.int64) * 3_600_000,
        scores=np.zeros((closes, 1)),
        target=np.full(closes, np.nan),
        known_by_ms=np.zeros(closes, np.int64),
        open=price,
        close=price,
        sigma=np.full(closes, 0.01),
        volatility=np.full(closes, 0.9),
    )


def test_a_position_lasts_from_enter_to_leave() -> None:
    #                  in          held                out  in (short)      out
    path = np.array([0.0, 1.3, 1.0, np.nan, 0.4, 0.34, 0.0, -1.25, -0.5, -0.3, 0.0])
    assert mean_hold([np.tile(path, 40)], DECISION) == 3  # (4 + 2) / 2
    assert mean_hold([path], DECISION) == DECISION.horizons[-1], "two positions say nothing"


def test_the_target_over_the_hold_knows_no_open_after_the_run() -> None:
    run = one_run(200)
    target = hold_target(run, 30)
    assert np.isnan(target[-31:]).all()
    moved = np.log(run.open[31] / run.open[1]) / (0.01 * np.sqrt(30))
    assert target[0] == pytest.approx(np.clip(moved, -3, 3))


def test_expected_return_speaks_of_the_hold_where_one_is_known() -> None:
    plain = Calibration(conviction_deviation=1.0, slope=0.04, probability_slope=0.01)
    held = plain.model_copy(update={"hold_bars": 36, "hold_slope": 0.06, "hold_probability_slope": 0.02})
    assert plain.expected_return(2.0, 0.01, 12) == pytest.approx(0.04 * 2 * 0.01 * np.sqrt(12))
    assert held.expected_return(2.0, 0.01, 12) == pytest.approx(0.06 * 2 * 0.01 * 6)
    assert held.probability_up(1.0) > plain.probability_up(1.0) > 0.5


def test_too_few_positions_leave_the_longest_horizon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hold, "LEAST_POSITIONS", 1)
    assert mean_hold([np.array([0.0, 2.0, 0.0])], DECISION) == 1
