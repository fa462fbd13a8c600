"""Calendar: what every UTC day came to, by the equity at its midnights and the trades closed in it."""

from __future__ import annotations

from collections import defaultdict

from pydantic import Field

from bot.trading.control import Control
from bot.values.view import View
from bot.views.status import currency_of, deposit_of
from strategies.market import DAY_MS


class Day(View):
    """One UTC day of the account."""

    ms: int = Field(description="its midnight")
    equity: float = Field(description="at its end; of today: now")
    net: float = Field(description="change of the equity")
    change: float = Field(description="the same as a fraction")
    trades: int = Field(description="closed in it")
    wins: int
    traded: float = Field(description="net of the trades closed in it")


class Calendar(View):
    """Days, ascending; days without a decision candle are left out."""

    currency: str
    days: list[Day]


def calendar_of(control: Control, since_ms: int = 0) -> Calendar:
    """Return the days since a time. Asks the database: run it in a thread."""
    ledger, snapshot = control.ledger, control.snapshot
    start_ms = ledger.account.start_ms
    first = max(since_ms, start_ms) // DAY_MS
    ends = {start_ms // DAY_MS - 1: deposit_of(control)}
    ends |= {(point.ms - 1) // DAY_MS: point.equity for point in ledger.equity(since_ms=(first - 1) * DAY_MS)}
    if snapshot is not None:
        ends[snapshot.minute_ms // DAY_MS] = snapshot.equity
    nets: dict[int, list[float]] = defaultdict(list)
    for trade in ledger.trades(since_ms=first * DAY_MS):
        nets[(trade.closed_ms or 0) // DAY_MS].append(trade.net)
    days, before = [], None
    for day in sorted(ends):
        if before is not None and day >= first:
            days.append(_day(day, ends[day], before, nets[day]))
        before = ends[day]
    return Calendar(currency=currency_of(control), days=days)


def _day(day: int, equity: float, before: float, nets: list[float]) -> Day:
    return Day(
        ms=day * DAY_MS,
        equity=equity,
        net=equity - before,
        change=equity / before - 1 if before > 0 else 0.0,
        trades=len(nets),
        wins=sum(net > 0 for net in nets),
        traded=sum(nets),
    )
