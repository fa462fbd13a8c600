"""Questions about the account: status, positions, trades, signals, decisions, equity, candles."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web
from pydantic import Field

from bot.views.accounts import Accounts, accounts_of
from bot.views.book import strongest_symbols
from bot.views.calendar import Calendar, calendar_of
from bot.views.decisions import decisions_of
from bot.views.no_trade import no_trade_reasons
from bot.views.performance import Performance, performance_of
from bot.views.status import Status, deposit_of, status_of
from bot.web.app_keys import ACCOUNTS, CONTROL, READING
from bot.web.operations import Operations
from bot.web.requests import Asked, MarketPage, Moment, Page, Symbol
from bot.web.responses import (
    AlertsPage,
    DecisionsPage,
    EquityPage,
    NoTradeReasons,
    Positions,
    SignalsPage,
    TradesPage,
)
from bot.web.routes.events import sent_alert
from storage.ledger.outbox import Outbox
from storage.ledger.queries import RecordedDecision

operations: Final = Operations("account")
MOST_REASONS: Final = 30  # markets whose reasons are told at once
EVENTS: Final = r"^[a-z]{1,32}(,[a-z]{1,32}){0,15}$"


class CalendarRequest(Asked):
    """Which days."""

    since: Moment | None = Field(None, description="nothing older; ISO 8601 or UTC ms")


class NoTradeRequest(Asked):
    """Which market."""

    symbol: Symbol | None = Field(None, description="one market; by default all, of many the strongest")


class AlertsRequest(Page):
    """Alerts of some events, or of all."""

    events: str | None = Field(None, pattern=EVENTS, description="comma separated, as in `[alerts]`; all by default")


@operations.get("/api/status")
async def status(request: web.Request) -> Status:
    """Say what the daemon is doing: market, feed, account, every market's last decision."""
    return status_of(request.app[CONTROL])


@operations.get("/api/accounts")
async def accounts(request: web.Request) -> Accounts:
    """Return all accounts of this database, this daemon's own first; each is commanded by its own daemon."""
    beside = request.app[ACCOUNTS]
    return await request.app[READING].ask(accounts_of, request.app[CONTROL], tuple(beside))


@operations.get("/api/positions")
async def positions(request: web.Request) -> Positions:
    """Return the open positions at the last marks."""
    snapshot = request.app[CONTROL].snapshot
    if snapshot is None:
        return Positions(minute_ms=None, positions=[])
    return Positions(minute_ms=snapshot.minute_ms, positions=list(snapshot.positions))


@operations.get("/api/trades")
async def trades(request: web.Request, query: MarketPage) -> TradesPage:
    """Return closed round trips, newest first."""
    symbol, ledger = _known(request, query.symbol), request.app[CONTROL].ledger
    chosen = await request.app[READING].ask(
        ledger.trades, since_ms=query.since_ms, until_ms=query.until_ms, symbol=symbol, limit=query.rows
    )
    rows, next_before = query.cut(chosen, lambda trade: trade.closed_ms or 0)
    return TradesPage(trades=rows, next_before=next_before)


@operations.get("/api/signals")
async def signals(request: web.Request, query: MarketPage) -> SignalsPage:
    """Return the signals that were given, newest first."""
    recorded, next_before = await _decided(request, query, signals_only=True)
    return SignalsPage.model_validate({"signals": [part.signal for part in recorded], "next_before": next_before})


@operations.get("/api/decisions")
async def decisions(request: web.Request, query: MarketPage) -> DecisionsPage:
    """Return every decision with its votes, and why nothing was entered, newest first."""
    recorded, next_before = await _decided(request, query, signals_only=False)
    rows = await asyncio.to_thread(decisions_of, request.app[CONTROL], recorded)
    return DecisionsPage(decisions=rows, next_before=next_before)


@operations.get("/api/equity")
async def equity(request: web.Request, query: Page) -> EquityPage:
    """Return the newest points of the equity curve, ascending; one at each close of a decision candle."""
    ledger = request.app[CONTROL].ledger
    points = await request.app[READING].ask(ledger.equity, query.since_ms, query.until_ms, query.rows)
    rows, next_before = query.cut(points[::-1], lambda point: point.ms)
    return EquityPage(deposit=deposit_of(request.app[CONTROL]), equity=rows[::-1], next_before=next_before)


@operations.get("/api/performance")
async def performance(request: web.Request) -> Performance:
    """Return what the account earned since it began, period by period, beside holding its markets."""
    return await request.app[READING].ask(performance_of, request.app[CONTROL])


@operations.get("/api/calendar")
async def calendar(request: web.Request, query: CalendarRequest) -> Calendar:
    """Return what every UTC day came to."""
    return await request.app[READING].ask(calendar_of, request.app[CONTROL], query.since or 0)


@operations.get("/api/alerts")
async def alerts(request: web.Request, query: AlertsRequest) -> AlertsPage:
    """Return what people were told, newest first: with account minutes and apart from them."""
    ledger = request.app[CONTROL].ledger
    outbox = Outbox(ledger.database, ledger.account.id)
    found = await asyncio.to_thread(
        outbox.told,
        since_ms=query.since_ms,
        until_ms=query.until_ms,
        events=query.events.split(",") if query.events else (),
        limit=query.rows,
    )
    rows, next_before = query.cut(found, lambda alert: alert.ms)
    return AlertsPage(alerts=[sent_alert(alert) for alert in rows], next_before=next_before)


@operations.get("/api/no-trade-reasons")
async def no_trade(request: web.Request, query: NoTradeRequest) -> NoTradeReasons:
    """Say why nothing is traded: conviction, threshold, last refusal and usual wait; of many markets, the strongest."""
    control, asked = request.app[CONTROL], _known(request, query.symbol)
    members = [market.symbol for market in control.members]
    chosen = [asked] if asked else strongest_symbols(control.snapshot, members, MOST_REASONS)
    found = await request.app[READING].ask(no_trade_reasons, control.ledger, tuple(chosen))
    return NoTradeReasons(markets=found)


async def _decided(
    request: web.Request, query: MarketPage, *, signals_only: bool
) -> tuple[list[RecordedDecision], str | None]:
    ledger, symbol = request.app[CONTROL].ledger, _known(request, query.symbol)
    found = await asyncio.to_thread(
        ledger.decisions,
        since_ms=query.since_ms,
        until_ms=query.until_ms,
        symbol=symbol,
        signals_only=signals_only,
        limit=query.rows,
    )
    return query.cut(found, lambda decision: decision.ms)


def _known(request: web.Request, symbol: str | None) -> str | None:
    return None if symbol is None else request.app[CONTROL].market(symbol).symbol
