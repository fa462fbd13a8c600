"""Performance: what the account earned since it began, beside holding its markets, over the very same time.

The drawdown of every point is measured from the highest equity since the account began, whatever part of the curve is
shown. Buy and hold puts the deposit, in equal parts and without costs, into every market that had a price when the
account began, and is counted over the same closes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from pydantic import Field

from bot.trading.control import Control
from bot.values.view import View
from bot.views.status import currency_of, deposit_of
from bot.views.trade_summary import summarise
from storage.ledger.queries import EquityPoint, Ledger
from storage.ledger.trades import Trade
from strategies.market import DAY_MS

MOST_POINTS: Final = 600
MOST_PRICES: Final = 24_000  # read for buy and hold
PERIODS_D: Final = (1, 7, 30)


class CurvePoint(View):
    """The account at the close of a decision candle."""

    ms: int
    equity: float
    drawdown: float = Field(description="fall from the highest equity since the account began")
    buy_and_hold: float | None = Field(description="the deposit, had it been held in the markets")


class Period(View):
    """What a stretch of time that ends now came to."""

    days: int | None = Field(description="null: since the account began")
    since_ms: int
    net: float = Field(description="change of the equity")
    change: float | None = Field(description="the same as a fraction; null: the account is younger than that")
    trades: int = Field(description="closed in it")
    wins: int
    win_rate: float | None
    profit_factor: float | None = Field(description="gains over losses of closed trades; null: no loss")
    traded: float = Field(description="net of the trades closed in it")


class Performance(View):
    """The account since it began. All figures cover the same time."""

    currency: str
    deposit: float
    started_ms: int
    until_ms: int
    equity: float
    total_return: float
    max_drawdown: float
    drawdown: float
    buy_and_hold_return: float | None
    exposure: float = Field(description="gross notional over equity")
    periods: list[Period] = Field(description="the last day, 7 and 30 days, and all of it")
    points: list[CurvePoint]


def performance_of(control: Control) -> Performance:
    """Return the performance. Asks the database: run it in a thread."""
    ledger, snapshot, deposit = control.ledger, control.snapshot, deposit_of(control)
    started_ms = ledger.account.start_ms
    points = [EquityPoint(ms=started_ms, equity=deposit, cash=deposit, gross=0.0), *ledger.equity()]
    points = [point for number, point in enumerate(points) if number == 0 or point.ms > started_ms]
    equity = np.array([point.equity for point in points])
    falls = drawdowns(equity)
    now = points[-1].equity if snapshot is None else snapshot.equity
    now_ms = points[-1].ms if snapshot is None else max(points[-1].ms, snapshot.minute_ms)
    kept = chosen(equity, MOST_POINTS)
    begun_ms = ledger.account.timeframe.open_of(started_ms)  # of the last close before the account began
    held = _buy_and_hold(ledger, [begun_ms, *(points[row].ms for row in kept[1:])])
    trades = ledger.trades()
    curve = [
        CurvePoint(
            ms=points[row].ms,
            equity=points[row].equity,
            drawdown=float(falls[row]),
            buy_and_hold=None if ratio is None else deposit * ratio,
        )
        for row, ratio in zip(kept, held, strict=True)
    ]
    last = next((ratio for ratio in reversed(held) if ratio is not None), None)
    return Performance(
        currency=currency_of(control),
        deposit=deposit,
        started_ms=started_ms,
        until_ms=now_ms,
        equity=now,
        total_return=now / deposit - 1,
        max_drawdown=max(float(falls.max()), snapshot.drawdown if snapshot else 0.0),
        drawdown=snapshot.drawdown if snapshot else float(falls[-1]),
        buy_and_hold_return=None if last is None else last - 1,
        exposure=snapshot.gross_leverage if snapshot else 0.0,
        periods=[_period(days, points, trades, now, now_ms) for days in (*PERIODS_D, None)],
        points=curve,
    )


def drawdowns(equity: np.ndarray) -> np.ndarray:
    """Return the (n,) falls from the highest of (n,) equities so far, fractions >= 0."""
    falls: np.ndarray = 1 - equity / np.maximum.accumulate(equity)
    return falls


def chosen(equity: np.ndarray, most: int) -> list[int]:
    """Return at most `most` rows that keep the shape: of every stretch its lowest and highest, and both ends."""
    if len(equity) <= most:
        return list(range(len(equity)))
    parts = np.array_split(np.arange(len(equity)), (most - 2) // 2)
    ends = [row for part in parts for row in (part[equity[part].argmin()], part[equity[part].argmax()])]
    return sorted({0, len(equity) - 1, *(int(row) for row in ends)})


def _buy_and_hold(ledger: Ledger, times_ms: Sequence[int]) -> list[float | None]:
    """Return what a unit held in equal parts from the first of the times is worth at each; None where no price is."""
    markets = max(1, len(ledger.stopped().markets))
    most = max(2, MOST_PRICES // markets)
    kept = set(np.linspace(0, len(times_ms) - 1, min(most, len(times_ms))).astype(int).tolist())
    prices = ledger.closes([ms for row, ms in enumerate(times_ms) if row in kept])
    first = prices.get(times_ms[0], {})
    found: list[float | None] = []
    last = dict(first)
    for row, ms in enumerate(times_ms):
        last |= {symbol: price for symbol, price in prices.get(ms, {}).items() if symbol in first}
        known = bool(first) and row in kept
        found.append(float(np.mean([last[symbol] / price for symbol, price in first.items()])) if known else None)
    return found


def _period(
    days: int | None, points: Sequence[EquityPoint], trades: Sequence[Trade], now: float, now_ms: int
) -> Period:
    since_ms = points[0].ms if days is None else now_ms - days * DAY_MS
    before = [point.equity for point in points if point.ms <= since_ms]
    start = before[-1] if before else points[0].equity
    found = summarise([trade for trade in trades if (trade.closed_ms or 0) >= since_ms])
    return Period(
        days=days,
        since_ms=max(since_ms, points[0].ms),
        net=now - start,
        change=now / start - 1 if before and start > 0 else None,
        trades=found.trades,
        wins=found.wins,
        win_rate=found.win_rate,
        profit_factor=found.profit_factor,
        traded=found.net,
    )
