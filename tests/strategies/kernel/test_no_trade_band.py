"""Exposure mode: where a change outside the band ends, and how costs widen the band."""

from __future__ import annotations

import numpy as np
import pytest

from strategies.kernel.no_trade_band import exposure_band, exposure_goal
from strategies.kernel.settings import TradingSettings
from strategies.kernel.state import DECISION

FULL = 1_000


def rule(**decision: float) -> np.record:
    settings = TradingSettings.model_validate(
        {"decision": {"mode": "exposure", "enter": 2.0, "exposure_band": 0.2, **decision}}
    )
    return settings.rules()[0]


def row(conviction: float, expected: float, cost: float = 0.0014) -> np.void:
    found = np.zeros(1, DECISION)
    found["conviction"], found["expected_return"], found["cost"] = conviction, expected, cost
    return found[0]


# step, held, conviction / enter -> lots, at a band of .2 of a full position
GOALS = [
    (1.0, 0, 0.15, 0),
    (1.0, 0, 0.5, 500),
    (0.0, 0, 0.5, 300),
    (0.5, 0, 0.5, 400),
    (0.0, 900, 0.5, 700),
    (0.5, 900, 0.5, 600),
    (0.0, 500, 0.5, 500),
    (0.0, 300, -0.1, 100),
    (0.0, 0, 5.0, 1_000),
    (0.5, 0, -5.0, -1_000),
    (1.0, 0, -5.0, -1_000),
]


@pytest.mark.parametrize(("step", "held", "share", "lots"), GOALS)
def test_a_change_outside_the_band_ends_between_its_edge_and_the_target(
    step: float, held: int, share: float, lots: int
) -> None:
    assert exposure_goal(rule(exposure_step=step), 2.0 * share, 0.2, FULL, held) == lots


def test_costs_widen_the_band_by_their_cube_root_over_what_a_full_position_expects() -> None:
    costs = rule(exposure_costs=1.0)
    assert exposure_band(costs, row(1.0, 0.0056)) == pytest.approx((0.0014 / 0.0112) ** (1 / 3))
    assert exposure_band(costs, row(-0.5, -0.0028)) == pytest.approx((0.0014 / 0.0112) ** (1 / 3))
    assert exposure_band(costs, row(1.0, 0.0056, cost=0.0112)) == 1.0


def test_the_band_is_the_least_one_without_costs_or_without_an_expected_return() -> None:
    assert exposure_band(rule(), row(1.0, 0.0056)) == 0.2
    assert exposure_band(rule(exposure_costs=1.0), row(1.0, np.nan)) == 0.2
    assert exposure_band(rule(exposure_costs=1.0), row(0.0, 0.0)) == 0.2
    assert exposure_band(rule(exposure_costs=0.01), row(1.0, 0.0056)) == 0.2


def test_who_expects_nothing_is_not_worth_a_trade() -> None:
    assert exposure_band(rule(exposure_costs=1.0), row(1.0, 0.0)) == 1.0
