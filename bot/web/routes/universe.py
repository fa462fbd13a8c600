"""The account's markets: who belongs, why, and who comes and goes."""

from __future__ import annotations

from typing import Final

from aiohttp import web
from pydantic import Field

from bot.scheduling.universe import Universe
from bot.trading.joins import staying
from bot.values.view import View
from bot.web.app_keys import CONTROL, UNIVERSE
from bot.web.operations import Operations
from bot.web.requests import Asked
from bot.web.routes.commands import by
from strategies.errors import BadInput, Conflict
from strategies.universe.selection import Selection

operations: Final = Operations("markets")
OUTSIDE: Final = 30  # of those that are no members, the nearest


class MarketChange(Asked):
    """Which market, by its canonical symbol, listed by the exchange."""

    symbol: str = Field(pattern=r"^[A-Z0-9]{3,20}$")
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


class UniverseState(View):
    """How the markets are chosen, who belongs, and why."""

    mode: str
    size: int
    members: list[str]
    leaving: list[str]
    chosen_ms: int
    verdicts: list[MarketVerdict]


class Asking(View):
    """A change that takes hold with an account minute to come."""

    symbol: str
    accepted: bool


@operations.get("/api/universe", problems=(409, 503))
async def universe(request: web.Request, query: UniverseAsked) -> UniverseState:
    """Return the account's markets, how they are chosen, and the latest selection's reasons."""
    kept = _kept(request)
    selection = await kept.look() if query.look else kept.latest
    return _state(request, selection)


@operations.post("/api/universe/refresh", problems=(409, 503))
async def refresh_universe(request: web.Request) -> UniverseState:
    """Select anew now; who falls out leaves with its exit."""
    return _state(request, await _kept(request).refresh(by(request)))


@operations.post("/api/markets/add", status=202, problems=(409, 503))
async def add_market(request: web.Request, body: MarketChange) -> Asking:
    """Let a market join with the next decision boundary."""
    try:
        await request.app[CONTROL].join(body.symbol, by(request), body.why)
    except BadInput as error:
        raise Conflict(str(error)) from error
    return Asking(symbol=body.symbol, accepted=True)


@operations.post("/api/markets/remove", status=202, problems=(409, 503))
async def remove_market(request: web.Request, body: MarketLeave) -> Asking:
    """Let a market go, after its exit where something is held."""
    control = request.app[CONTROL]
    if staying(control.markets) == [body.symbol]:
        raise Conflict(f"{body.symbol} is the account's last market; add another one first")
    try:
        await control.leave(body.symbol, by(request), body.why, close=body.close)
    except BadInput as error:
        raise Conflict(str(error)) from error
    return Asking(symbol=body.symbol, accepted=True)


def _kept(request: web.Request) -> Universe:
    """Return who keeps the account's markets.

    Raises:
        Conflict: nobody does here.
    """
    kept = request.app.get(UNIVERSE)
    if kept is None:
        raise Conflict("this daemon's markets are not chosen: it was started without a universe")
    return kept


def _state(request: web.Request, selection: Selection | None) -> UniverseState:
    kept, control = _kept(request), request.app[CONTROL]
    verdicts = () if selection is None else selection.verdicts
    inside = [verdict for verdict in verdicts if verdict.step != "outside"]
    outside = [verdict for verdict in verdicts if verdict.step == "outside"][:OUTSIDE]
    members = kept.members
    return UniverseState(
        mode="top" if kept.is_top else "list",
        size=kept.size,
        members=members,
        leaving=[market.symbol for market in control.markets if market.is_member and market.symbol not in members],
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
    )
