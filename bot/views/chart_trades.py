"""Round trips as a chart shows them: entry, exit, and where stop and target lay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.trading.control import Control
from bot.values.view import View
from storage.ledger.queries import OpenPosition, RecordedDecision
from storage.ledger.trades import Trade
from strategies.kernel.arithmetic import farther, nearer
from strategies.market import Market

MOST: Final = 1_000  # round trips on one chart


class ChartTrade(View):
    """A round trip as a chart shows it; open while `closed_ms` is null."""

    id: str
    side: str
    opened_ms: int
    entry_price: float
    closed_ms: int | None
    exit_price: float | None
    stop_loss: float | None
    take_profit: float | None
    net: float
    closed_because: str | None


def chart_trades(control: Control, symbol: str, closed: Sequence[Trade]) -> list[ChartTrade]:
    """Return closed round trips of a market (given newest first) and its open one, oldest first.

    Stop and target of a closed one are those it was opened with, measured from its first fill. Asks the database: run
    it in a thread.
    """
    market = control.market(symbol)
    oldest = min((part.decision_ms for part in closed), default=0)
    decisions = control.ledger.decisions(since_ms=oldest, symbol=symbol, signals_only=True, limit=2 * MOST)
    entered = {part.ms: part for part in decisions} if closed else {}
    rows = [_closed(part, market, entered.get(part.decision_ms)) for part in reversed(closed)]
    held = () if control.snapshot is None else control.snapshot.positions
    return rows + [_open(part) for part in held if part.symbol == symbol]


def _closed(trade: Trade, market: Market, decision: RecordedDecision | None) -> ChartTrade:
    side = 1 if trade.side == "LONG" else -1
    entry = int(market.ticks(trade.first_price))
    stop_e8, take_e8 = (0, 0) if decision is None else (decision.record["stop_e8"], decision.record["take_e8"])
    stop, take = int(nearer(entry, int(stop_e8), side)), int(farther(entry, int(take_e8), side))
    return ChartTrade(
        id=trade.id,
        side=trade.side,
        opened_ms=trade.opened_ms,
        entry_price=trade.entry_price,
        closed_ms=trade.closed_ms,
        exit_price=trade.exit_price,
        stop_loss=float(market.price(stop)) if stop else None,
        take_profit=float(market.price(take)) if take else None,
        net=trade.net,
        closed_because=trade.closed_because,
    )


def _open(position: OpenPosition) -> ChartTrade:
    return ChartTrade(
        id=f"{position.symbol}-{position.trade}",
        side=position.side,
        opened_ms=position.opened_ms,
        entry_price=position.entry_price,
        closed_ms=None,
        exit_price=None,
        stop_loss=position.stop_loss,
        take_profit=position.take_profit,
        net=position.net,
        closed_because=None,
    )
