"""Joining an account, as a command: values in, a command out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.feed.listing import NOTICE_MS, Listing
from strategies.errors import BadInput
from strategies.market import Market, MarketStatus
from strategies.minute import Command


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks for a market, why and when."""

    by: str
    why: str
    now_ms: int


def joining(markets: Sequence[Market], listed: Mapping[str, Listing], symbol: str, asker: Asker) -> Command:
    """Return the command that brings a market in, or that keeps one that was about to leave.

    Args:
        markets: the account's, by index.
        listed: what the exchange says of the symbol.
        symbol: canonical.
        asker: who wants it.

    Raises:
        BadInput: it belongs to the account already, or the exchange does not trade it, or not for a day any more.
    """
    by, why = asker.by, asker.why
    known = next((market for market in markets if market.symbol == symbol and market.is_member), None)
    if known is not None and known.status is not MarketStatus.LEAVING:
        raise BadInput(f"{symbol} belongs to the account already")
    announced = listed.get(symbol)
    if announced is not None and announced.ends_within(NOTICE_MS, asker.now_ms):
        raise BadInput(f"the exchange has announced the end of {symbol} within a day")
    if known is not None:
        return Command(kind="change", spec=replace(known, status=MarketStatus.TRADING), by=by, why=why)
    found = listed.get(symbol)
    if found is None:
        raise BadInput(f"the exchange does not list {symbol}, or not in whole ticks and lots")
    if found.market.status is not MarketStatus.TRADING:
        raise BadInput(f"{symbol} is {found.market.status.value} at the exchange")
    return Command(kind="join", spec=found.market, by=by, why=why)


def staying(markets: Sequence[Market]) -> list[str]:
    """Return the symbols of the members that are not about to leave."""
    return [market.symbol for market in markets if market.is_member and market.status is not MarketStatus.LEAVING]
