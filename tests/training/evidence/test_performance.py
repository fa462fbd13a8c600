"""Figures of equity curves whose answers a person can check."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from strategies.market import DAY_MS, HOUR_MS
from strategies.oversight.skill import information_coefficient
from training.evidence.performance import (
    EquityCurve,
    curve_figures,
    daily_equity,
    daily_returns,
    drawdown,
    monthly_returns,
    sharpe,
    sortino,
    trade_figures,
)

JANUARY = 1_704_067_200_000  # 2024-01-01 00:00 UTC


def curve_of(daily: list[float], *, start_ms: int = JANUARY, initial: float = 100.0) -> EquityCurve:
    """Return a curve with one bar a day."""
    times = start_ms + DAY_MS * np.arange(1, len(daily) + 1, dtype=np.int64)
    return EquityCurve(start_ms=start_ms, initial=initial, times=times, equity=np.array(daily))


def test_total_return_and_drawdown_of_four_days() -> None:
    # peak 120 on day 2, trough 90 on day 3: a fall of a quarter; under water from day 2 to the end
    figures = curve_figures(curve_of([110.0, 120.0, 90.0, 108.0]))
    assert figures.total_return == pytest.approx(0.08)
    assert figures.max_drawdown == pytest.approx(0.25)
    assert figures.drawdown_days == pytest.approx(2.0)


def test_a_short_run_is_not_extrapolated_to_a_year() -> None:
    assert math.isnan(curve_figures(curve_of([101.0] * 10)).cagr)


def test_a_year_of_doubling_has_a_growth_rate_of_one() -> None:
    curve = curve_of(list(100.0 * 2.0 ** (np.arange(1, 366) / 365.0)))
    assert curve_figures(curve).cagr == pytest.approx(1.0)


def test_sharpe_is_mean_over_deviation_times_root_365() -> None:
    # mean 1 %, deviation 1 %
    assert sharpe(np.array([0.0, 0.02])) == pytest.approx(math.sqrt(365))


def test_sortino_counts_only_losing_days() -> None:
    # mean 0.01; downside sqrt((0 + 0.01^2) / 2)
    assert sortino(np.array([0.03, -0.01])) == pytest.approx(0.01 / (0.01 / math.sqrt(2)) * math.sqrt(365))


def test_a_flat_curve_has_no_sharpe_rather_than_an_infinite_one() -> None:
    figures = curve_figures(curve_of([100.0] * 40))
    assert math.isnan(figures.sharpe)
    assert figures.max_drawdown == 0.0


def test_midnight_equity_is_that_of_the_last_bar_closed_by_then() -> None:
    start = JANUARY + 22 * HOUR_MS
    times = start + HOUR_MS * np.arange(1, 6, dtype=np.int64)  # 23:00, 00:00, 01:00, 02:00, 03:00
    curve = EquityCurve(
        start_ms=start, initial=100.0, times=times, equity=np.array([101.0, 102.0, 103.0, 104.0, 105.0])
    )
    samples, equity = daily_equity(curve)
    assert samples.tolist() == [start, JANUARY + DAY_MS, start + 5 * HOUR_MS]
    assert equity.tolist() == [100.0, 102.0, 105.0]


def test_an_equity_at_midnight_of_the_first_belongs_to_the_month_before() -> None:
    curve = curve_of([100.0] * 30 + [110.0] + [110.0] * 28 + [99.0])  # 31 January days, 29 February days
    table = monthly_returns(curve)
    assert [month for month, _ in table] == ["2024-01", "2024-02"]
    assert [value for _, value in table] == [pytest.approx(0.10), pytest.approx(-0.10)]


def test_no_bars_give_no_figures_and_no_error() -> None:
    empty = EquityCurve(start_ms=JANUARY, initial=100.0, times=np.zeros(0, np.int64), equity=np.zeros(0))
    figures = curve_figures(empty)
    assert figures.total_return == 0.0
    assert math.isnan(figures.sharpe)
    assert monthly_returns(empty) == []


def test_no_trades_have_no_win_rate() -> None:
    figures = trade_figures([])
    assert figures.trades == 0
    assert math.isnan(figures.win_rate)
    assert math.isnan(figures.profit_factor)


def test_information_coefficient_ignores_pairs_that_are_not_finite() -> None:
    scores = np.linspace(-1.0, 1.0, 100)
    targets = 3.0 * scores
    scores[5], targets[50] = np.nan, np.inf
    assert information_coefficient(scores, targets) == pytest.approx(1.0)


def test_information_coefficient_of_few_pairs_is_undefined() -> None:
    assert math.isnan(information_coefficient(np.arange(29.0), np.arange(29.0)))


@given(some.lists(some.floats(-0.2, 0.2), min_size=2, max_size=120))
def test_daily_and_monthly_returns_both_compound_to_the_total(returns: list[float]) -> None:
    curve = curve_of(list(100.0 * np.cumprod(1.0 + np.array(returns))))
    total = 1.0 + curve_figures(curve).total_return
    assert np.prod(1.0 + daily_returns(curve)) == pytest.approx(total)
    assert np.prod([1.0 + value for _, value in monthly_returns(curve)]) == pytest.approx(total)


@given(some.lists(some.floats(-0.2, 0.2), min_size=2, max_size=60), some.floats(0.5, 20.0))
def test_ratios_do_not_depend_on_the_size_of_the_account(returns: list[float], scale: float) -> None:
    path = 100.0 * np.cumprod(1.0 + np.array(returns))
    small, large = curve_of(list(path)), curve_of(list(path * scale), initial=100.0 * scale)
    assert drawdown(large)[0] == pytest.approx(drawdown(small)[0], abs=1e-12)
    assert sharpe(daily_returns(large)) == pytest.approx(sharpe(daily_returns(small)), rel=1e-6, abs=1e-6, nan_ok=True)
