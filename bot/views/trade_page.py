"""A trade's page: why it was opened and closed, how far it went for and against, what it cost, its minutes."""

from __future__ import annotations

from typing import Final

import numpy as np
from pydantic import Field

from bot.trading.control import Control
from bot.values.view import View
from bot.views.candles import Candle, merged
from bot.views.chart_trades import ChartTrade, chart_trades
from bot.views.decisions import Decision, decisions_of
from bot.views.level_moves import LevelMove, level_moves
from storage.ledger.minute_candles import minute_candles
from storage.ledger.queries import RecordedDecision
from storage.ledger.trades import Trade
from strategies.errors import NotFound
from strategies.kernel.round_trips import realised
from strategies.kernel.state import FactKind, Reason
from strategies.market import DAY_MS, HIGH, LOW, MINUTE_MS, UNITS_PER_QUOTE, Market, Timeframe

MOST_BARS: Final = 1_500
LONGEST_MS: Final = 20 * DAY_MS  # of minutes read
AROUND: Final = 0.25  # of the trade's length shown before and after it


class Event(View):
    """One thing that happened to a trade."""

    ms: int
    kind: str
    reason: str
    quantity: float
    price: float | None
    fee: float
    cash: float = Field(description="what the cash changed by")
    position: float = Field(description="held after it, below zero for a short")
    realised: float | None = Field(description="what a fill that reduced or closed it brought, after its fee")


class TradePage(View):
    """Everything about one round trip, open or closed."""

    trade: Trade
    levels: ChartTrade | None
    moves: list[LevelMove] = Field(description="where stop and target lay, from when on and why, ascending")
    opening: Decision | None = Field(description="the decision that opened it")
    closing: Decision | None = Field(description="the last decision before it closed")
    best: float | None = Field(description="farthest for it (MFE), a fraction of the entry price")
    worst: float | None = Field(description="farthest against it (MAE), a fraction of the entry price, <= 0")
    best_ms: int | None
    worst_ms: int | None
    gross: float = Field(description="before fees and funding")
    events: list[Event] = Field(description="fills and funding, ascending")
    timeframe: Timeframe
    candles: list[Candle] = Field(description="the account's own minutes around it, joined to few enough candles")


def trade_page(control: Control, name: str) -> TradePage:
    """Return the page of a trade by its id. Asks the database: run it in a thread.

    Raises:
        NotFound: there is none.
    """
    trade = control.ledger.trade(name)
    if trade is None:
        raise NotFound(f"{name} is not a trade of this account; GET /api/trades lists them")
    market = control.markets[control.market_index(trade.symbol)]
    end_ms = _end_ms(control, trade)
    candles = _minutes(control, market, trade, end_ms)
    best, worst = _extremes(trade, candles[(candles[:, 0] >= trade.opened_ms) & (candles[:, 0] < end_ms)])
    timeframe = next(part for part in Timeframe if len(candles) * MINUTE_MS <= MOST_BARS * part.ms)
    opening = _recorded(control, trade.symbol, trade.decision_ms + 1, trade.decision_ms)
    closing = [] if trade.closed_ms is None else _recorded(control, trade.symbol, trade.closed_ms + 1, 0)
    return TradePage(
        trade=trade,
        levels=_levels(control, trade),
        moves=level_moves(trade, opening[0].record if opening else None, market, candles, timeframe.ms),
        opening=next(iter(decisions_of(control, opening)), None),
        closing=next(iter(decisions_of(control, closing)), None),
        best=None if best is None else best[0],
        worst=None if worst is None else worst[0],
        best_ms=None if best is None else best[1],
        worst_ms=None if worst is None else worst[1],
        gross=trade.net + trade.fees + trade.funding,
        events=_events(control, trade, end_ms),
        timeframe=timeframe,
        candles=[_candle(row) for row in merged(candles, timeframe)],
    )


def _end_ms(control: Control, trade: Trade) -> int:
    if trade.closed_ms is not None:
        return trade.closed_ms + MINUTE_MS
    return trade.opened_ms + MINUTE_MS if control.snapshot is None else control.snapshot.minute_ms + MINUTE_MS


def _minutes(control: Control, market: Market, trade: Trade, end_ms: int) -> np.ndarray:
    around_ms = max(int((end_ms - trade.opened_ms) * AROUND), 60 * MINUTE_MS)
    begin_ms = max(trade.opened_ms - around_ms, end_ms - LONGEST_MS)
    return minute_candles(control.ledger, market, begin_ms, end_ms + around_ms)


def _extremes(trade: Trade, held: np.ndarray) -> tuple[tuple[float, int] | None, tuple[float, int] | None]:
    """Return (fraction, ms) of the farthest for it and against it while it was held; None without its minutes."""
    if not len(held) or not trade.entry_price:
        return None, None
    side = 1 if trade.side == "LONG" else -1
    good, bad = (HIGH, LOW) if side > 0 else (LOW, HIGH)
    top = int((side * held[:, good]).argmax())
    bottom = int((side * held[:, bad]).argmin())
    gain = side * (float(held[top, good]) / trade.entry_price - 1)
    loss = side * (float(held[bottom, bad]) / trade.entry_price - 1)
    return (max(0.0, gain), int(held[top, 0])), (min(0.0, loss), int(held[bottom, 0]))


def _levels(control: Control, trade: Trade) -> ChartTrade | None:
    closed = [] if trade.closed_ms is None else [trade]
    return next((part for part in chart_trades(control, trade.symbol, closed) if part.id == trade.id), None)


def _recorded(control: Control, symbol: str, until_ms: int, since_ms: int) -> list[RecordedDecision]:
    """Return the last decision of a span, if there was one."""
    return control.ledger.decisions(since_ms=since_ms, until_ms=until_ms, symbol=symbol, limit=1)


def _events(control: Control, trade: Trade, end_ms: int) -> list[Event]:
    facts, versions = control.ledger.facts(trade.opened_ms, end_ms), control.ledger.versions()
    number, index = int(trade.id.rpartition("-")[2]), control.market_index(trade.symbol)
    own = facts[(facts["market"] == index) & (facts["trade"] == number)]
    brought = realised(own)
    return [
        Event(
            ms=int(fact["ms"]),
            kind=FactKind(int(fact["kind"])).name.lower(),
            reason=Reason(int(fact["reason"])).name.lower(),
            quantity=float(market.quantity(int(fact["lots"]))),
            price=float(market.price(int(fact["price"]))) if fact["price"] else None,
            fee=int(fact["fee"]) / UNITS_PER_QUOTE,
            cash=int(fact["cash_flow"]) / UNITS_PER_QUOTE,
            position=float(market.quantity(int(fact["position"]))),
            realised=None if units is None else units / UNITS_PER_QUOTE,
        )
        for fact, units in zip(own, brought, strict=True)
        for market in (versions.at(index, int(fact["ms"])),)
    ]


def _candle(row: np.ndarray) -> Candle:
    opened, high, low, close, volume = (float(value) for value in row[1:])
    return Candle(open_ms=int(row[0]), open=opened, high=high, low=low, close=close, volume=volume)
