"""The account's markets: who belongs, why, and who comes and goes."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

from aiohttp import web
from pydantic import AfterValidator, Field

from bot.scheduling.universe import Universe
from bot.values.view import View
from bot.web.app_keys import CONTROL, UNIVERSE
from bot.web.operations import Operations
from bot.web.requests import Asked
from bot.web.routes.commands import by
from storage.config.market import SYMBOL
from storage.ledger.market_changes import latest_changes
from strategies.errors import BadInput, Conflict
from strategies.market import MarketStatus, typed_symbol
from strategies.universe.selection import Selection

operations: Final = Operations("markets")
OUTSIDE: Final = 30  # of those that are no members, the nearest
CHANGES: Final = 30  # the latest that the ledger holds


class MarketChange(Asked):
    """Which market, by its canonical symbol, listed by the exchange."""

    symbol: Annotated[str, Field(pattern=f"^{SYMBOL}$"), AfterValidator(typed_symbol)]
    why: str = Field("asked for by hand", min_length=1, max_length=300, description="kept on the tape")


class MarketLeave(MarketChange):
    """Which market leaves."""

    close: bool = Field(False, description="ask for the exit of what is held now")


class UniverseAsked(Asked):
    """What to look at."""

    look: bool = Field(False, description="ask the exchange now; else the latest selection")


class MarketVerdict(View):
    """One market's place in the latest selection."""

    symbol: str
    step: str
    rank: int
    quote_volume: float
    why: str


class PendingChange(View):
    """A join or a leave that waits for its account minute."""

    symbol: str
    kind: str
    by: str
    why: str


class RecordedChange(View):
    """How a market came, changed or went, as the ledger has it."""

    minute_ms: int
    symbol: str
    kind: str
    status: str
    by: str
    why: str


class UniverseState(View):
    """How the markets are chosen, who belongs, why, and what was asked for or has changed of late."""

    mode: str
    size: int
    members: list[str]
    leaving: list[str]
    halted: list[str]
    chosen_ms: int
    verdicts: list[MarketVerdict]
    pending: list[PendingChange]
    changes: list[RecordedChange]


class Asking(View):
    """A change that takes hold with an account minute to come."""

    symbol: str
    accepted: bool


@operations.get("/api/universe", problems=(409, 503))
async def universe(request: web.Request, query: UniverseAsked) -> UniverseState:
    """Return the account's markets, how they are chosen, and the latest selection's reasons."""
    kept = _kept(request)
    selection = await kept.look() if query.look else kept.latest
    return await _state(request, selection)


@operations.post("/api/universe/refresh", problems=(409, 503))
async def refresh_universe(request: web.Request) -> UniverseState:
    """Select anew now; who falls out leaves with its exit."""
    return await _state(request, await _kept(request).refresh(by(request)))


@operations.post("/api/markets/add", status=202, problems=(409, 503))
async def add_market(request: web.Request, body: MarketChange) -> Asking:
    """Let a market join with the next decision boundary."""
    try:
        await request.app[CONTROL].join(typed_symbol(body.symbol), by(request), body.why)
    except BadInput as error:
        raise Conflict(str(error)) from error
    return Asking(symbol=typed_symbol(body.symbol), accepted=True)


@operations.post("/api/markets/remove", status=202, problems=(409, 503))
async def remove_market(request: web.Request, body: MarketLeave) -> Asking:
    """Let a market go with the next account minute, after its exit where something is held."""
    try:
        request.app[CONTROL].leave(typed_symbol(body.symbol), by(request), body.why, close=body.close)
    except BadInput as error:
        raise Conflict(str(error)) from error
    return Asking(symbol=typed_symbol(body.symbol), accepted=True)


def _kept(request: web.Request) -> Universe:
    """Return who keeps the account's markets.

    Raises:
        Conflict: nobody does here.
    """
    kept = request.app.get(UNIVERSE)
    if kept is None:
        raise Conflict("this daemon's markets are not chosen: it was started without a universe")
    return kept


async def _state(request: web.Request, selection: Selection | None) -> UniverseState:
    kept, control = _kept(request), request.app[CONTROL]
    changes = await asyncio.to_thread(latest_changes, control.ledger.database, control.ledger.account.id, CHANGES)
    verdicts = () if selection is None else selection.verdicts
    inside = [verdict for verdict in verdicts if verdict.step != "outside"]
    outside = [verdict for verdict in verdicts if verdict.step == "outside"][:OUTSIDE]
    members = kept.members
    return UniverseState(
        mode="top" if kept.is_top else "list",
        size=kept.size,
        members=members,
        leaving=[market.symbol for market in control.markets if market.is_member and market.symbol not in members],
        halted=[market.symbol for market in control.markets if market.status is MarketStatus.HALTED],
        chosen_ms=kept.chosen_ms,
        verdicts=[
            MarketVerdict(
                symbol=verdict.symbol,
                step=verdict.step,
                rank=verdict.rank,
                quote_volume=verdict.quote_volume,
                why=verdict.why,
            )
            for verdict in (*inside, *outside)
        ],
        pending=[
            PendingChange(symbol=part.spec.symbol, kind=part.kind, by=part.by, why=part.why)
            for part in control.pending_changes
            if part.spec is not None
        ],
        changes=[
            RecordedChange(
                minute_ms=change.minute_ms,
                symbol=change.market.symbol,
                kind=change.kind,
                status=change.market.status.value,
                by=change.by,
                why=change.why,
            )
            for change in changes
        ],
    )
