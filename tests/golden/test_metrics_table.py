"""Metrics of a week and a handful of trades, drawn so that a person can check them with a pencil."""

from __future__ import annotations

import numpy as np
import pytest

from strategies.kernel.round_trips import round_trips
from strategies.kernel.state import Reason
from strategies.market import DAY_MS, HOUR_MS
from tests.fact_rows import MARKETS, facts_of, fill, funding
from training.evidence.performance import EquityCurve, curve_figures, trade_figures

START = 1_746_403_200_000  # 2025-05-05 00:00 UTC

WEEK = """
# day   return   deviation^2   losing^2      (mean 0.006; x 1e-6)
   1     +0.02           196          0
   2     -0.01           256        100
   3     +0.03           576          0
   4     -0.02           676        400
   5     +0.01            16          0
"""
# deviation: sqrt(1720e-6 / 5) = 0.0185472; downside: sqrt(500e-6 / 5) = 0.01; sqrt(365) = 19.104973

TRADES = """
# side  lots  buy ticks  sell ticks  fees    funding   hours   net = moved - fees - funding
  long   100     600000      610000   6.05      0.50      12    100.00 - 6.05 - 0.50 =  93.45
  short  100     620000      610000   6.15      0.00       6   -100.00 - 6.15        = -106.15
  short  200     600000      605000  12.05     -1.00      24    100.00 - 12.05 + 1.00 =  88.95
"""


def rows_of(table: str) -> list[list[str]]:
    """Return the words of each line that is not a heading."""
    return [line.split() for line in table.splitlines() if line.strip() and not line.startswith("#")]


def test_a_week_of_equity() -> None:
    returns = np.array([float(row[1]) for row in rows_of(WEEK)])
    curve = EquityCurve(
        start_ms=START,
        initial=10_000.0,
        times=START + DAY_MS * np.arange(1, 6, dtype=np.int64),
        equity=10_000.0 * np.cumprod(1.0 + returns),
    )
    figures = curve_figures(curve)
    assert figures.total_return == pytest.approx(1.02 * 0.99 * 1.03 * 0.98 * 1.01 - 1)
    assert figures.volatility == pytest.approx(0.0185472 * 19.104973, rel=1e-5)
    assert figures.sharpe == pytest.approx(0.006 / 0.0185472 * 19.104973, rel=1e-5)
    assert figures.sortino == pytest.approx(0.006 / 0.01 * 19.104973, rel=1e-5)
    assert figures.max_drawdown == pytest.approx(0.02)
    assert figures.drawdown_days == 2.0  # from the peak of day 1 to the peak of day 3, and from there to the end


def test_three_round_trips() -> None:
    facts, opened = [], START
    for number, (side, lots, buy, sell, fees, paid, hours, *_) in enumerate(rows_of(TRADES), start=1):
        sign = 1 if side == "long" else -1
        first, last = (int(buy), int(sell)) if sign > 0 else (int(sell), int(buy))
        size, closed = sign * int(lots), opened + int(hours) * HOUR_MS
        fee = round(float(fees) * 1e8 / 2)
        facts.append(fill(opened, size, first, size, trade=number, fee=fee))
        facts.append(funding(opened + HOUR_MS, size, first, round(float(paid) * 1e8), trade=number))
        facts.append(fill(closed, -size, last, 0, trade=number, fee=fee, reason=Reason.FADED))
        opened = closed
    trades = round_trips(facts_of(*facts), MARKETS, np.zeros(2, np.int64))
    assert [trade.net for trade in trades] == pytest.approx([93.45, -106.15, 88.95])
    figures = trade_figures(trades)
    assert figures.win_rate == pytest.approx(2 / 3)
    assert figures.profit_factor == pytest.approx((93.45 + 88.95) / 106.15)
    assert figures.average_duration_h == 14.0
    assert figures.net_profit == pytest.approx(76.25)
    assert (figures.fees, figures.funding) == (pytest.approx(24.25), pytest.approx(-0.5))
    assert figures.average_win == pytest.approx((93.45 / 6_000 + 88.95 / 12_100) / 2)
    assert figures.average_loss == pytest.approx(-106.15 / 6_100)
