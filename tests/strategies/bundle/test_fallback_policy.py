"""The fallback ladder by hand: who trades, why, and what a training moves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from strategies.bundle.fallback_names import CASH_ID, fallback_level_of, told
from strategies.bundle.fallback_policy import FallbackLevel, Record, Status, next_status, who_trades
from strategies.bundle.fallback_strategies import cash_bundle, fallback_of, fallback_strategy
from strategies.kernel.state import Action
from strategies.market import Timeframe
from tests.bot.trading.world import body_bundle, minutes, new_engine

NAN = float("nan")


@pytest.mark.parametrize(
    ("has_champion", "ic", "now", "trend_return", "expected"),
    [
        (False, NAN, "models", 0.1, "trend_rule"),
        (False, NAN, "models", -0.1, "cash"),
        (False, NAN, "models", NAN, "trend_rule"),
        (True, NAN, "models", 0.1, "models"),
        (True, 0.0, "models", 0.1, "models"),
        (True, -0.001, "models", 0.1, "trend_rule"),
        (True, -0.001, "models", 0.0, "cash"),
        (True, -0.001, "models", NAN, "trend_rule"),
        (True, 0.02, "trend_rule", 0.1, "trend_rule"),
        (True, 0.02, "cash", 0.1, "trend_rule"),
        (True, 0.02, "trend_rule", -0.1, "cash"),
        (True, 0.03, "trend_rule", 0.1, "trend_rule"),
        (True, 0.031, "trend_rule", 0.1, "models"),
        (True, 0.031, "cash", -0.1, "models"),
    ],
)
def test_who_trades(
    has_champion: bool, ic: float, now: FallbackLevel, trend_return: float, expected: FallbackLevel
) -> None:
    record = Record(has_champion=has_champion, ic=ic, live_days=30, days=365, trend_return=trend_return)
    fallback_level, why = who_trades(record, now, fallback_ic=0.0, recovery_ic=0.03)
    assert fallback_level == expected
    assert why


def test_the_reason_names_its_numbers_and_how_many_days_were_live() -> None:
    record = Record(has_champion=True, ic=-0.012, live_days=65, days=365, trend_return=-0.08)
    _, why = who_trades(record, "models", fallback_ic=0.0, recovery_ic=0.03)
    assert "IC is -0.012 (65 days live, 300 of the walk forward), below 0" in why
    assert "the trend rule made -8.0% net in 12 months" in why


@pytest.mark.parametrize(
    ("now", "candidate", "fallback_level", "expected"),
    [
        (Status(), None, "trend_rule", Status()),
        (Status(), None, "cash", Status(champion=None, fallback_level="cash")),
        (Status(), "b-1", "models", Status(champion="b-1", fallback_level="models")),
        (Status(), "b-1", "trend_rule", Status(champion="b-1", fallback_level="trend_rule")),
        (
            Status(champion="b-1", fallback_level="models"),
            None,
            "cash",
            Status(champion="b-1", fallback_level="cash"),
        ),
        (
            Status(champion="b-1", fallback_level="cash"),
            None,
            "models",
            Status(champion="b-1", fallback_level="models"),
        ),
        (
            Status(champion="b-1", fallback_level="cash"),
            "b-2",
            "cash",
            Status(champion="b-2", fallback_level="cash"),
        ),
        (Status(), None, "models", Status()),
    ],
)
def test_what_a_training_moves(
    now: Status, candidate: str | None, fallback_level: FallbackLevel, expected: Status
) -> None:
    assert next_status(now, candidate, fallback_level) == expected


def test_stand_ins_are_found_by_their_ids() -> None:
    for fallback_level, name in (("trend_rule", "trend-1"), ("cash", CASH_ID)):
        found = fallback_strategy(name, Timeframe.H1)
        assert found is not None
        assert found.id == fallback_of(fallback_level, Timeframe.H1).id == name  # type: ignore[arg-type]
        assert fallback_level_of(name) == fallback_level
        assert name in told(name)
    assert fallback_strategy(None, Timeframe.H1).id == "trend-1"  # type: ignore[union-attr]
    assert fallback_strategy("b-1", Timeframe.H1) is None
    assert fallback_level_of("b-1") == "models"


def positions(taken: Sequence[object], swap_after: int) -> list[list[int]]:
    """Return the lots held after every minute of an engine on which cash takes over from a bundle that trades."""
    engine, held = new_engine(body_bundle()), []
    for number, minute in enumerate(taken):
        if number == swap_after:
            engine.swap(cash_bundle())
        outcome = engine.step(minute)  # type: ignore[arg-type]
        held.append(engine.state.positions["lots"].tolist())
        if number > swap_after and outcome.decisions is not None:
            assert (outcome.decisions["conviction"] == 0.0).all()
            assert not np.isin(outcome.decisions["action"], (Action.LONG, Action.SHORT)).any()
    return held


def test_in_cash_what_is_held_is_closed_at_the_next_decision_and_nothing_is_opened() -> None:
    held = positions(minutes(10 * 60), swap_after=5 * 60 + 30)
    assert any(held[5 * 60 + 29])
    assert not any(map(any, held[6 * 60 + 2 :]))
