"""Entering, leaving, reversing, refusing: what `decide` does with a conviction."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from strategies.explain.signals import Refusal, Signal, describe_refusal
from strategies.kernel.protections import place_order
from strategies.kernel.state import Action, FactKind, Reason, RefusalCode
from tests.builders import START_MS
from tests.strategies.kernel.desk import Desk

HOUR_MS = 3_600_000
FULL = 50_000  # lots: 10,000 quote x 30 % / 60 % at 100.00


def test_conviction_at_the_threshold_enters_one_minute_later() -> None:
    desk = Desk()
    decision = desk.decide(1.25)
    order = desk.state.orders[0]
    assert (decision["action"], decision["refusal"], decision["target"]) == (Action.LONG, RefusalCode.NONE, FULL)
    assert (order["active"], order["target"], order["due_ms"]) == (1, FULL, START_MS + 60_000)
    assert order["reason"] == Reason.SIGNAL
    assert order["stop_e8"] == int(3 * 0.005 * math.sqrt(24) * 1e8)  # three daily deviations of hourly ones
    assert order["take_e8"] == pytest.approx(2 * order["stop_e8"], abs=1)


def test_negative_conviction_enters_short() -> None:
    decision = Desk().decide(-1.3)
    assert (decision["action"], decision["target"]) == (Action.SHORT, -FULL)


@pytest.mark.parametrize(
    ("inputs", "prepare", "refusal"),
    [
        ({"conviction": 1.24}, {}, RefusalCode.WEAK),
        ({"conviction": math.nan}, {}, RefusalCode.NO_SCORE),
        ({"not_ready": 1.0}, {}, RefusalCode.NOT_READY),
        ({"sigma": math.nan}, {}, RefusalCode.NOT_READY),
        ({"expected_return": 0.0007}, {}, RefusalCode.COST),  # .0007 x 2 = .0014 = the round trip
        ({"expected_return": -0.01}, {}, RefusalCode.COST),  # expected to go the other way
        ({"volatility": 1e9}, {}, RefusalCode.TOO_SMALL),
        ({}, {"account": {"paused": 1}}, RefusalCode.PAUSED),
        ({}, {"account": {"day_locked": 20_000}}, RefusalCode.DAILY_LOSS),
        ({}, {"account": {"drawdown_locked": 1}}, RefusalCode.DRAWDOWN),
        ({}, {"positions": {"long_blocked_until_ms": START_MS + 1}}, RefusalCode.BLOCKED),
        ({}, {"positions": {"cooldown_until_ms": START_MS + 1}}, RefusalCode.COOLDOWN),
        ({}, {"positions": {"long_blocked_until_ms": START_MS}}, RefusalCode.NONE),
        ({}, {"positions": {"short_blocked_until_ms": START_MS + 1}}, RefusalCode.NONE),
        ({"expected_return": math.nan}, {}, RefusalCode.NONE),  # the trend rule has none: the cost filter is off
    ],
)
def test_every_refusal_has_its_reason(
    inputs: dict[str, Any], prepare: dict[str, dict[str, int]], refusal: RefusalCode
) -> None:
    desk = Desk()
    for part, values in prepare.items():
        for name, value in values.items():
            getattr(desk.state, part)[name] = value
    decision = desk.decide(inputs.pop("conviction", 2.0), **inputs)
    assert RefusalCode(int(decision["refusal"])) is refusal
    assert bool(desk.state.orders["active"][0]) == (refusal is RefusalCode.NONE)


def test_side_that_is_switched_off_is_refused() -> None:
    desk = Desk(decision={"sides": "long"})
    assert desk.decide(-2.0)["refusal"] == RefusalCode.SIDE
    assert desk.decide(2.0)["action"] == Action.LONG


def test_position_is_held_down_to_leave_and_closed_under_it() -> None:
    desk = Desk()
    desk.hold(-FULL)
    assert desk.decide(-0.35)["action"] == Action.HOLD
    assert desk.decide(-0.34)["action"] == Action.CLOSE
    assert (desk.state.orders["target"][0], desk.state.orders["reason"][0]) == (0, Reason.FADED)


def test_position_without_a_score_is_held_on() -> None:
    desk = Desk()
    desk.hold(FULL)
    decision = desk.decide(math.nan, not_ready=1.0)
    assert (decision["action"], decision["refusal"]) == (Action.HOLD, RefusalCode.NONE)
    assert not desk.state.orders["active"][0]


def test_strong_opposite_conviction_reverses_in_one_order() -> None:
    desk = Desk()
    desk.hold(FULL)
    desk.state.account["equity"] = 10_000 * 10**8
    assert desk.decide(-1.25)["action"] == Action.SHORT
    order = desk.state.orders[0]
    assert (order["target"], order["reason"]) == (-FULL, Reason.REVERSED)


def test_reversal_that_may_not_enter_just_closes_and_says_why() -> None:
    desk = Desk()
    desk.hold(FULL)
    desk.state.account["paused"] = 1
    decision = desk.decide(-2.0)
    assert (decision["action"], decision["refusal"]) == (Action.CLOSE, RefusalCode.PAUSED)
    assert (desk.state.orders["target"][0], desk.state.orders["reason"][0]) == (0, Reason.REVERSED)


def test_late_decision_records_the_entry_as_missed_and_still_exits() -> None:
    desk = Desk(markets=2)
    desk.hold(FULL, index=1)
    assert desk.decide(2.0, 0.0, late=True)["refusal"] == RefusalCode.LATE
    assert desk.count == 1
    assert (desk.facts[0]["kind"], desk.facts[0]["reason"]) == (FactKind.MISSED, Reason.LATE)
    assert list(desk.state.orders["active"]) == [0, 1]


def test_late_decision_misses_only_what_would_have_been_entered() -> None:
    desk = Desk()
    assert desk.decide(1.0, late=True)["refusal"] == RefusalCode.WEAK
    assert desk.count == 0


def test_decision_replaces_a_pending_order_but_not_a_forced_exit() -> None:
    desk = Desk()
    desk.hold(FULL)
    place_order(desk.state.orders, 0, 0, START_MS, 0, int(Reason.DAILY_LOSS), 0, 0, 0)
    assert desk.decide(2.0)["refusal"] == RefusalCode.PAUSED
    assert (desk.state.orders["target"][0], desk.state.orders["reason"][0]) == (0, Reason.DAILY_LOSS)
    place_order(desk.state.orders, 0, 0, START_MS, 0, int(Reason.FADED), 0, 0, 0)
    desk.decide(2.0)
    assert desk.state.orders["target"][0] == FULL


def test_entry_that_has_not_filled_yet_is_not_ordered_again() -> None:
    desk = Desk()
    desk.decide(2.0)
    before = desk.state.orders.copy()
    assert desk.decide(1.9, ms=START_MS + HOUR_MS)["action"] == Action.HOLD
    np.testing.assert_array_equal(desk.state.orders, before)


def test_leverage_room_goes_to_the_strongest_conviction() -> None:
    desk = Desk(markets=3, risk={"sizing": "fixed_fraction", "fixed_fraction": 1.8, "leverage_cap": 1.25})
    desk.decide(1.3, -2.0, 1.9)
    assert list(desk.decisions["target"]) == [5_000, -60_000, 60_000]  # 1.25 = .6 + .6 + the .05 that is left
    desk = Desk(markets=3, risk={"sizing": "fixed_fraction", "fixed_fraction": 1.8, "leverage_cap": 1.2})
    desk.decide(1.3, -2.0, 1.9)
    assert list(desk.decisions["refusal"]) == [RefusalCode.LEVERAGE, RefusalCode.NONE, RefusalCode.NONE]


def test_open_positions_are_limited_and_ties_go_by_market_index() -> None:
    desk = Desk(markets=3, protections={"max_open_positions": 2})
    desk.hold(1_000, index=2)
    desk.decide(1.5, 1.5, 1.5)
    assert list(desk.decisions["action"]) == [Action.LONG, Action.HOLD, Action.HOLD]
    assert list(desk.decisions["refusal"]) == [RefusalCode.NONE, RefusalCode.MAX_POSITIONS, RefusalCode.NONE]


def test_exposure_follows_the_conviction_outside_its_band() -> None:
    desk = Desk(decision={"mode": "exposure", "enter": 2.0, "exposure_band": 0.2})
    assert desk.decide(1.0)["target"] == FULL // 2
    desk.state.orders["active"] = 0
    desk.hold(FULL // 2)
    assert desk.decide(1.3)["action"] == Action.HOLD  # .65 of the full size is within .2 of .5
    assert desk.decide(1.5)["target"] == FULL * 3 // 4
    assert desk.decisions[0]["action"] == Action.RESIZE
    desk.state.orders["active"] = 0
    assert desk.decide(0.2)["target"] == FULL // 10
    desk.state.orders["active"] = 0
    assert desk.decide(-2.0)["action"] == Action.SHORT
    assert desk.state.orders["target"][0] == -FULL


def test_exposure_may_shrink_while_paused_and_not_grow() -> None:
    desk = Desk(decision={"mode": "exposure", "enter": 2.0})
    desk.hold(FULL // 2)
    desk.state.account["paused"] = 1
    assert desk.decide(2.0)["refusal"] == RefusalCode.PAUSED
    assert not desk.state.orders["active"][0]
    assert desk.decide(0.2)["action"] == Action.RESIZE
    desk.state.orders["active"] = 0
    assert desk.decide(-2.0)["action"] == Action.CLOSE


def signal(**changes: Any) -> Signal:
    values: dict[str, Any] = {
        "symbol": "BTCUSDT", "signal": "LONG", "decision_ms": START_MS, "confidence": 0.9, "probability": 0.48,
        "expected_return": 0.002, "expected_hold_h": 20.0, "win_rate": 0.45, "entry_price": 100.0, "stop_loss": 97.0,
        "take_profit": 106.0, "risk_reward": 2.0, "reasoning": "because: XGBoost +1.4", "bundle": "b-1",
        "valid_until": START_MS + HOUR_MS,
    }  # fmt: skip
    return Signal(**(values | changes))


def test_signal_refuses_values_that_contradict_its_side() -> None:
    assert signal().risk_reward == 2.0
    assert signal(signal="SHORT", stop_loss=103.0, take_profit=94.0).signal == "SHORT"
    with pytest.raises(ValueError, match=r"stop_loss 101\.0 is not behind entry 100\.0 for a LONG"):
        signal(stop_loss=101.0)
    with pytest.raises(ValueError, match=r"take_profit 106\.0 is not ahead of entry 100\.0 for a SHORT"):
        signal(signal="SHORT", stop_loss=103.0)
    with pytest.raises(ValueError, match=r"confidence is 1\.2"):
        signal(confidence=1.2)


def test_every_refusal_has_a_sentence_and_the_common_ones_name_their_numbers() -> None:
    assert len({describe_refusal(code) for code in RefusalCode}) == len(RefusalCode)
    common: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "decision_ms": START_MS,
        "conviction": -0.84,
        "enter": 1.25,
        "cost": 0.0014,
    }
    weak = Refusal(code=RefusalCode.WEAK, expected_return=-0.001, **common)
    cost = Refusal(code=RefusalCode.COST, expected_return=-0.001, **common)
    assert weak.sentence == "the conviction is under the threshold: 0.84 of 1.25"
    assert cost.sentence == "the expected return does not pay the round-trip cost: 10.0 bp against 14.0 bp"
