"""Questions of charts: candles of any timeframe, features, votes, the page of a trade."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web
from pydantic import Field

from bot.views.candles import Candle, candles_of, split_filling
from bot.views.chart_trades import MOST, chart_trades
from bot.views.indicators import Features, Series, VoteSeries, features_of, series_of, votes_series
from bot.views.trade_page import TradePage, trade_page
from bot.web.app_keys import CONTROL, READING
from bot.web.operations import Operations
from bot.web.requests import Asked, Page, Symbol
from bot.web.responses import CandlesPage
from storage.config.market import SYMBOL
from strategies.market import Timeframe

operations: Final = Operations("charts")
COLUMNS: Final = ("open_ms", "open", "high", "low", "close", "volume")


class CandlesRequest(Page):
    """Candles of one market."""

    symbol: Symbol
    timeframe: Timeframe | None = Field(None, description="of the candles; the account's by default")
    trades: bool = Field(True, description="with the round trips that touch them")


class SeriesRequest(Page):
    """Series of one market."""

    symbol: Symbol


class FeaturesRequest(SeriesRequest):
    """Features of one market."""

    names: str = Field(pattern=r"^[A-Za-z0-9_().,]{1,400}$", description="comma separated")


class TradeRequest(Asked):
    """Which round trip."""

    id: str = Field(pattern=rf"^{SYMBOL}-\d{{1,9}}$", description="as in the list of trades")


@operations.get("/api/candles")
async def candles(request: web.Request, query: CandlesRequest) -> CandlesPage:
    """Return the newest candles of a market, ascending, with entries, exits, stops and targets."""
    control, reading = request.app[CONTROL], request.app[READING]
    symbol = control.market(query.symbol).symbol
    timeframe = query.timeframe or control.ledger.account.timeframe
    found = await reading.ask(candles_of, control, symbol, timeframe, query.since_ms, query.until_ms, query.rows + 1)
    filling = None
    if query.before is None:
        found, filling = split_filling(control, symbol, timeframe, found)
    newest_first, next_before = query.cut(list(found[::-1]), lambda row: int(row[0]))
    rows = newest_first[::-1]
    touching = []
    if query.trades:
        oldest_ms = int(rows[0][0]) if rows else 0
        closed = await reading.ask(control.ledger.trades, since_ms=oldest_ms, symbol=symbol, limit=MOST)
        touching = await asyncio.to_thread(chart_trades, control, symbol, closed)
    return CandlesPage(
        symbol=symbol,
        timeframe=timeframe,
        candles=[Candle(**dict(zip(COLUMNS, row.tolist(), strict=True))) for row in rows],
        filling=filling,
        trades=touching,
        next_before=next_before,
    )


@operations.get("/api/features")
async def features(request: web.Request) -> Features:
    """Return the features that a chart can show, by name and group."""
    return await asyncio.to_thread(features_of, request.app[CONTROL])


@operations.get("/api/features/series", problems=(404,))
async def feature_series(request: web.Request, query: FeaturesRequest) -> Series:
    """Return features of the newest decision candles of a market, ascending: the numbers that the models see."""
    control = request.app[CONTROL]
    symbol = control.market(query.symbol).symbol
    names = tuple(query.names.split(","))
    return await request.app[READING].ask(series_of, control, symbol, names, query.until_ms, query.limit)


@operations.get("/api/votes")
async def votes(request: web.Request, query: SeriesRequest) -> VoteSeries:
    """Return conviction and each family's votes at the newest closes of a market, ascending."""
    control = request.app[CONTROL]
    symbol = control.market(query.symbol).symbol
    return await request.app[READING].ask(votes_series, control, symbol, query.until_ms, query.limit)


@operations.get("/api/trade", problems=(404,))
async def trade(request: web.Request, query: TradeRequest) -> TradePage:
    """Return everything about one round trip: reasons, votes, how far it went, costs, its minutes."""
    return await request.app[READING].ask(trade_page, request.app[CONTROL], query.id)
