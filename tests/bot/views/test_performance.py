"""What the account earned: every figure over the same time, by hand on the small world."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from bot.views.calendar import calendar_of
from bot.views.performance import chosen, drawdowns, performance_of
from strategies.market import DAY_MS, HOUR_MS
from tests.bot.trading.daemon_world import daemon_world
from tests.bot.trading.world import minutes
from tests.builders import START_MS

HOURS = 50
MINUTES = minutes(60 * HOURS)


async def test_equity_drawdown_and_holding_cover_the_same_time(tmp_path: Path) -> None:
    async with daemon_world(tmp_path) as world:
        await world.hand(*MINUTES)
        found = await asyncio.to_thread(performance_of, world.control)
        ledger, snapshot = world.control.ledger, world.snapshots[-1]
        candles = {market.symbol: ledger.candles(market.symbol) for market in world.control.markets}
        trades = ledger.trades()
        days = (await asyncio.to_thread(calendar_of, world.control)).days
    assert (found.currency, found.deposit, found.started_ms) == ("USDT", 10_000, START_MS)
    assert [point.ms for point in found.points] == [START_MS + hour * HOUR_MS for hour in range(HOURS + 1)]
    ratios = [rows[-1, 4] / rows[-1 - HOURS, 4] for rows in candles.values()]
    assert found.buy_and_hold_return == pytest.approx(float(np.mean(ratios)) - 1)
    assert found.points[0].buy_and_hold == found.deposit
    equity = np.array([point.equity for point in found.points])
    assert [point.drawdown for point in found.points] == pytest.approx(list(1 - equity / np.maximum.accumulate(equity)))
    assert found.max_drawdown >= found.points[-1].drawdown
    day, week, _, whole = found.periods
    assert (day.days, whole.days) == (1, None)
    at_a_day_ago = next(point.equity for point in reversed(found.points) if point.ms <= day.since_ms)
    assert day.net == pytest.approx(snapshot.equity - at_a_day_ago)
    assert week.change is None  # the account is younger
    assert whole.net == pytest.approx(snapshot.equity - 10_000)
    assert (whole.trades, whole.traded) == (len(trades), pytest.approx(sum(trade.net for trade in trades)))
    assert [part.ms for part in days] == [START_MS + number * DAY_MS for number in range(3)]
    assert sum(part.net for part in days) == pytest.approx(snapshot.equity - 10_000)
    assert sum(part.trades for part in days) == len(trades)


def test_a_thinned_curve_keeps_its_ends_and_its_extremes() -> None:
    rng = np.random.default_rng(5)
    equity = 10_000 * np.exp(np.cumsum(rng.normal(0, 0.01, 5_000)))
    rows = chosen(equity, 400)
    assert len(rows) <= 400
    assert {0, 4_999, int(equity.argmax()), int(equity.argmin())} <= set(rows)
    assert rows == sorted(set(rows))


def test_a_drawdown_is_measured_from_the_highest_so_far() -> None:
    assert drawdowns(np.array([100.0, 120.0, 90.0, 130.0])).tolist() == pytest.approx([0, 0, 0.25, 0])
