"""What a conviction takes from the other markets, and where their momentum comes from."""

from __future__ import annotations

import numpy as np
import pytest

from strategies.kernel.momentum import strengths, strengths_of_run
from strategies.kernel.state import StatusCode
from strategies.market import DAY_MS, HOUR_MS, Timeframe
from tests.strategies.kernel.desk import Desk

MONDAY = 4 * DAY_MS + 10 * 7 * DAY_MS
HOURS = 28 * 24


def test_a_share_of_the_mean_conviction_is_heard_and_the_expected_return_follows() -> None:
    desk = Desk(markets=3, decision={"universe_share": 0.5})
    desk.decide(2.0, 0.5, -1.0)
    assert desk.decisions["conviction"].tolist() == [1.25, 0.5, -0.25]
    assert desk.decisions["expected_return"].tolist() == pytest.approx([0.0125, 0.005, -0.0025])


def test_who_has_no_score_or_has_left_is_not_heard() -> None:
    desk = Desk(markets=3, decision={"universe_share": 0.5})
    desk.markets["status"][2] = StatusCode.GONE
    desk.decide(2.0, np.nan, -6.0)
    assert desk.decisions["conviction"][0] == 2.0
    assert np.isnan(desk.decisions["conviction"][1])


def test_a_side_that_turns_turns_the_agreement_with_it() -> None:
    desk = Desk(markets=2, decision={"universe_share": 0.5})
    desk.decide(3.0, -1.0, agreement=0.8)
    assert desk.decisions["conviction"].tolist() == [2.0, 0.0]
    desk.decide(3.0, -0.5, agreement=0.8)
    assert desk.decisions["agreement"].tolist() == [0.8, -0.8]


def test_momentum_votes_are_neutral_and_of_unit_deviation() -> None:
    desk = Desk(markets=4, decision={"momentum_share": 0.5})
    desk.decide(1.0, 1.0, 1.0, 1.0, strength=[3.0, 1.0, -1.0, np.nan])
    votes = desk.decisions["conviction"] * np.sqrt(0.5) / 0.5 - 1.0
    assert votes.sum() == pytest.approx(0.0)
    assert np.std(votes[:3]) == pytest.approx(1.0)
    assert votes[3] == 0.0


def test_two_markets_are_no_cross_section() -> None:
    desk = Desk(markets=2, decision={"momentum_share": 0.5})
    desk.decide(1.0, 1.5, strength=[3.0, -1.0])
    assert desk.decisions["conviction"].tolist() == [1.0, 1.5]


def walk(drift: float, until_ms: int = MONDAY + 3 * DAY_MS, hours: int = 2 * HOURS) -> np.ndarray:
    noise = np.random.default_rng(3).normal(0, 0.01, hours)
    closes = 100.0 * np.exp(np.cumsum(noise - noise.mean() + drift))
    opens = until_ms - (hours - np.arange(hours)) * HOUR_MS
    return np.column_stack([opens, *[closes] * 4, np.ones(hours)])


def test_strength_is_the_month_s_return_in_its_own_deviations_as_of_monday() -> None:
    series = walk(0.001)
    upto = series[series[:, 0] < MONDAY][-(HOURS + 1) :, 4]
    moves = np.diff(np.log(upto))
    expected = moves.sum() / np.sqrt((moves**2).mean() * HOURS)
    for decision_ms in (MONDAY, MONDAY + HOUR_MS, MONDAY + 3 * DAY_MS):
        assert strengths([series], decision_ms, Timeframe.H1)[0] == pytest.approx(expected)


def test_live_and_backtest_have_the_same_strengths_to_the_bit() -> None:
    candles = [walk(0.001), walk(-0.001), walk(0.0, hours=100)]
    ms = np.arange(MONDAY - 2 * DAY_MS, MONDAY + 3 * DAY_MS, HOUR_MS)
    path = strengths_of_run(candles, ms, Timeframe.H1)
    for row, decision_ms in enumerate(ms.tolist()):
        known = [part[part[:, 0] < decision_ms] for part in candles]
        assert strengths(known, decision_ms, Timeframe.H1).tobytes() == path[row].tobytes()
    assert np.isfinite(path[:, :2]).all()
    assert np.isnan(path[:, 2]).all()


def test_a_month_with_holes_has_no_strength() -> None:
    series = walk(0.001)
    last = np.flatnonzero(series[:, 0] == MONDAY - HOUR_MS)
    assert np.isnan(strengths([np.delete(series, last, axis=0)], MONDAY, Timeframe.H1)[0])
    thin = np.delete(series, np.s_[-500:-200], axis=0)
    assert np.isnan(strengths([thin], MONDAY, Timeframe.H1)[0])
