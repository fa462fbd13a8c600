"""Tickers: what an exchange says of every market it lists, in two requests, status, traded value, spread, age."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bot.feed.connect import MarketKind
from bot.feed.failures import NoSuchMarket
from bot.feed.listing import START_ATTEMPTS, by_symbol
from bot.feed.rest import Rest
from strategies.errors import ExchangeFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One market as the exchange lists it.

    Attributes:
        day_value: traded in the last 24 hours, quote currency; 0 where not told.
        spread: fraction; None where not told.
        since_ms: when it was listed; None where not told.
        stated: what the exchange calls the product.
    """

    symbol: str
    is_trading: bool
    day_value: float
    spread: float | None
    since_ms: int | None
    stated: str


async def listing_of(rest: Rest, kind: MarketKind) -> list[Listed]:
    """Return every market of a kind, with its ticker where the exchange has tickers.

    Raises:
        ExchangeFailed: it cannot be reached.
    """
    listed = await rest.ask("load_markets", True, attempts=START_ATTEMPTS)
    try:
        tickers = await rest.ask("fetch_tickers", attempts=2) if rest.client.has.get("fetchTickers") else {}
    except (ExchangeFailed, NoSuchMarket):
        tickers = {}
    chosen = [
        market
        for market in listed.values()
        if (market.get("spot") if kind == "spot" else market.get("swap") and market.get("linear"))
    ]
    return [_listed(market, tickers.get(market["symbol"]) or {}) for market in by_symbol(chosen).values()]


def _listed(market: dict[str, Any], ticker: dict[str, Any]) -> Listed:
    bid, ask = _number(ticker.get("bid")), _number(ticker.get("ask"))
    information = market.get("info") or {}
    created = market.get("created")
    stated = " ".join(str(information.get(name) or "") for name in ("underlyingType", "contractType", "symbolType"))
    return Listed(
        symbol=f"{market['base']}{market['quote']}",
        is_trading=market.get("active") is not False,
        day_value=_number(ticker.get("quoteVolume")),
        spread=2 * (ask - bid) / (ask + bid) if 0 < bid <= ask else None,
        since_ms=int(created) if isinstance(created, int | float) and created > 0 else None,
        stated=stated,
    )


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and value == value else 0.0
