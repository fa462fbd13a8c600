"""The book at a glance, for an account of any width: how much is held which way, where most, and what was refused why.

Read off the snapshot alone: no database is asked, and its length does not grow with the account.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Final

from pydantic import Field

from bot.trading.snapshot import MarketView, Snapshot
from bot.values.view import View
from storage.ledger.queries import OpenPosition
from strategies.kernel.portfolio import PRIOR_CORRELATION

TOP: Final = 8  # positions and convictions that are named


class TopPosition(View):
    """One of the largest positions."""

    symbol: str
    side: str
    share: float = Field(description="notional / equity, below zero for a short")
    unrealised: float
    net: float = Field(description="of the round trip so far: with what reductions brought, fees and funding")


class TopConviction(View):
    """One of the strongest convictions at the last decision."""

    symbol: str
    conviction: float
    enter: float
    said: str = Field(description="what was done, or why nothing")


class Book(View):
    """The account's positions and opinions together. Shares are of the equity."""

    markets: int
    long: int
    short: int
    gross: float
    net: float
    volatility: float = Field(description="of the account, a year, at the markets' volatilities and usual correlation")
    positions: list[TopPosition] = Field(description="the largest")
    convictions: list[TopConviction] = Field(description="the strongest")
    refusals: dict[str, int] = Field(description="markets by the reason why nothing was entered, most first")
    statuses: dict[str, int] = Field(description="markets that do not simply trade: halted, leaving")


def book_of(snapshot: Snapshot) -> Book:
    """Return the book after a minute."""
    equity = max(snapshot.equity, 1e-9)
    held = sorted(snapshot.positions, key=lambda part: -part.notional)
    decided = [view for view in snapshot.markets if view.conviction is not None]
    strongest = sorted(decided, key=lambda view: -abs(view.conviction or 0.0))
    return Book(
        markets=len(snapshot.markets),
        long=sum(part.side == "LONG" for part in held),
        short=sum(part.side != "LONG" for part in held),
        gross=sum(part.notional for part in held) / equity,
        net=sum(_signed(part) for part in held) / equity,
        volatility=_volatility(snapshot, equity),
        positions=[
            TopPosition(
                symbol=part.symbol,
                side=part.side,
                share=_signed(part) / equity,
                unrealised=part.unrealised,
                net=part.net,
            )
            for part in held[:TOP]
        ],
        convictions=[_conviction(view) for view in strongest[:TOP]],
        refusals=dict(Counter(view.refusal for view in snapshot.markets if view.refusal).most_common()),
        statuses=dict(Counter(view.status for view in snapshot.markets if view.status != "trading").most_common()),
    )


def strongest_symbols(snapshot: Snapshot | None, symbols: Sequence[str], count: int) -> list[str]:
    """Return so many of the symbols, in the given order: those held, then those of the strongest convictions."""
    views = {} if snapshot is None else {view.symbol: view for view in snapshot.markets}
    held = set() if snapshot is None else {part.symbol for part in snapshot.positions}
    strength = {symbol: abs(views[symbol].conviction or 0.0) if symbol in views else 0.0 for symbol in symbols}
    chosen = set(sorted(symbols, key=lambda symbol: (symbol not in held, -strength[symbol]))[:count])
    return [symbol for symbol in symbols if symbol in chosen]


def _volatility(snapshot: Snapshot, equity: float) -> float:
    """Return what the positions swing by, with every two coins correlated as they have been over years."""
    annual = {view.symbol: view.volatility or 0.0 for view in snapshot.markets}
    parts = [_signed(part) / equity * annual.get(part.symbol, 0.0) for part in snapshot.positions]
    alone, together = sum(part * part for part in parts), sum(parts) ** 2
    return math.sqrt((1.0 - PRIOR_CORRELATION) * alone + PRIOR_CORRELATION * together)


def _conviction(view: MarketView) -> TopConviction:
    return TopConviction(
        symbol=view.symbol, conviction=view.conviction or 0.0, enter=view.enter, said=view.refusal or view.action
    )


def _signed(part: OpenPosition) -> float:
    return part.notional if part.side == "LONG" else -part.notional
