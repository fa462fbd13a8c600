"""Exchange listing: its markets as `Market`, under canonical symbols.

A market whose arithmetic cannot be whole numbers is refused here, before anything trades on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

import ccxt

from bot.feed.connect import MarketKind
from bot.feed.failures import NoSuchMarket
from bot.feed.rest import Rest
from bot.feed.validate import MOST_TICKS
from strategies.errors import ExchangeFailed
from strategies.market import DAY_MS, HOUR_MS, MINUTE_MS, UNITS_PER_QUOTE, Market, MarketStatus, UnsupportedMarket

DEFAULT_FUNDING_MS = 8 * HOUR_MS
NO_END_MS = 4_000_000_000_000  # 2096: Binance's "never" lies behind it
ENDED = frozenset(  # what exchanges call a market that will not trade again
    {"settling", "close", "closed", "delivering", "delivered", "expired", "delisted", "offline", "settled"}
)
SETTLED_AT = ("settlePrice", "settlementPrice", "settlement_price", "deliveryPrice")
NOTICE_MS = DAY_MS  # no entries in a market that will end within it, and none joins
START_ATTEMPTS = 6
MOST_LOTS = 2**53
MOST_QUOTE = Decimal(10**9)  # of a smallest order, and of a step
MOST_LEVERAGE = Decimal(10_000)
LONGEST_FUNDING_MS = 31 * DAY_MS
LONGEST_NUMBER = 15  # digits
UNREADABLE = (ArithmeticError, ValueError, TypeError, LookupError, AttributeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What an exchange says of one market now.

    Attributes:
        market: its rules; HALTED where it does not trade.
        delists_ms: when the exchange will end it, as announced; 0: nothing is announced.
        settled_at: it has ended, and this is the price at which the exchange settles; None: it goes on.
    """

    market: Market
    delists_ms: int = 0
    settled_at: float | None = None

    def ends_within(self, span_ms: int, now_ms: int) -> bool:
        """Tell whether an end is announced within a span from now."""
        return 0 < self.delists_ms <= now_ms + span_ms


async def describe_markets(
    rest: Rest, symbols: Sequence[str], kind: MarketKind, *, attempts: int = 1
) -> dict[str, Listing]:
    """Return what the exchange says now of those of `symbols` that it lists.

    What it has ended is left out, unless it tells the price at which it settles.

    Raises:
        ExchangeFailed: the exchange cannot be reached or lists nothing.
    """
    listed = await rest.ask("fetch_markets", attempts=attempts)
    known = by_symbol([part for part in listed if _is_kind(part, kind)])
    if not known:
        raise ExchangeFailed(f"{rest.exchange} lists no {kind} markets; a web page instead of data?")
    remember_markets(rest.client, listed)
    known |= {symbol: known[name] for symbol in symbols if (name := _spelled(symbol, known)) is not None}
    listed_now = [symbol for symbol in symbols if symbol in known]
    there = [name for name in listed_now if not _has_ended(known[name]) or _settled_at(known[name]) is not None]
    rest.names.update({symbol: known[symbol]["symbol"] for symbol in there})
    if not there:
        return {}  # ccxt asks for the intervals of all markets, or fails, where none is named
    intervals = await _funding_intervals(rest, there, kind, known)
    found = {}
    for symbol in there:
        try:
            market = market_of(rest, symbol, known[symbol], kind, intervals[symbol])
        except UnsupportedMarket:
            continue
        settled_at = _settled_at(known[symbol]) if _has_ended(known[symbol]) else None
        if settled_at is not None and not settled_at / float(market.tick) < MOST_TICKS:  # nor is infinity a price
            continue
        found[symbol] = Listing(market=market, delists_ms=_delists_ms(known[symbol]), settled_at=settled_at)
    return found


def remember_markets(client: Any, listed: Sequence[dict[str, Any]]) -> None:
    """Let a client know the markets that were just listed; what has ended keeps its name, for those who still wait."""
    named = {part["symbol"] for part in listed}
    kept = [part for name, part in (client.markets or {}).items() if name not in named]
    client.set_markets([*kept, *listed])


def by_symbol(listed: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return descriptions by canonical symbol; of two under one symbol the one that trades, not the one that ended."""
    ordered = sorted(listed, key=lambda part: (part.get("active") is not False, not _has_ended(part)))
    return {f"{part['base']}{part['quote']}": part for part in ordered}


async def list_markets(rest: Rest, symbols: Sequence[str], kind: MarketKind) -> list[Market]:
    """Return the markets of canonical `symbols` in their order, and teach `rest` their ccxt names.

    Raises:
        ExchangeFailed: the exchange cannot be reached or lists nothing.
        NoSuchMarket: it does not list a symbol, or does not trade it now.
        UnsupportedMarket: a symbol's prices or sizes are not whole numbers of a tick and a lot.
    """
    known = await known_markets(rest, symbols, kind)
    intervals = await _funding_intervals(rest, symbols, kind, known)
    return [market_of(rest, symbol, known[symbol], kind, intervals[symbol]) for symbol in symbols]


async def known_markets(rest: Rest, symbols: Sequence[str], kind: MarketKind) -> dict[str, dict[str, Any]]:
    """Return ccxt's description of every market by canonical symbol, and teach `rest` the names of `symbols`.

    Raises:
        ExchangeFailed, NoSuchMarket: as for `list_markets`.
    """
    listed = await rest.ask("load_markets", attempts=START_ATTEMPTS)
    known = _named(listed, symbols, kind)
    if any(symbol not in known for symbol in symbols):  # listed since, or lost in one bad answer
        known = _named(await rest.ask("load_markets", True, attempts=START_ATTEMPTS), symbols, kind)
    if not known:
        raise ExchangeFailed(
            f"{rest.exchange} lists no {kind} markets; a web page instead of data, or the wrong address?"
        )
    for symbol in symbols:
        if symbol not in known:
            near = get_close_matches(symbol, known, n=3)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise NoSuchMarket(f"{rest.exchange} does not list {symbol} as {kind}{hint}")
    rest.names.update({symbol: known[symbol]["symbol"] for symbol in symbols})
    return known


def _named(listed: dict[str, Any], symbols: Sequence[str], kind: MarketKind) -> dict[str, dict[str, Any]]:
    """Return the markets of a kind by canonical symbol, those of `symbols` under the names they are asked for by."""
    known = by_symbol([market for market in listed.values() if _fits(market, kind)])
    return known | {symbol: known[name] for symbol in symbols if (name := _spelled(symbol, known)) is not None}


def market_of(rest: Rest, symbol: str, listed: dict[str, Any], kind: MarketKind, funding_interval_ms: int) -> Market:
    """Return the `Market` of ccxt's description of one.

    Raises:
        UnsupportedMarket: it states no tick or lot, or their product is no whole number of cash units, or a number
            that cannot be reckoned with.
    """
    try:
        return _market_of(rest, symbol, listed, kind, funding_interval_ms)
    except UnsupportedMarket:
        raise
    except UNREADABLE as error:
        raise UnsupportedMarket(f"{symbol}: {rest.exchange} states rules that cannot be read: {error!r}") from error


def _market_of(rest: Rest, symbol: str, listed: dict[str, Any], kind: MarketKind, funding_interval_ms: int) -> Market:
    tick = _step(rest.client, listed["precision"].get("price"))
    lot = _step(rest.client, listed["precision"].get("amount"))
    if tick is None or lot is None:
        raise UnsupportedMarket(f"{symbol}: {rest.exchange} states tick {tick} and lot {lot}; both are needed")
    tick, lot = _bounded(tick, MOST_QUOTE), _bounded(lot, MOST_QUOTE)
    stated_size = listed.get("contractSize") if kind == "futures" else None
    contract_size = Decimal(str(stated_size)).normalize() if stated_size else Decimal(1)
    limits = listed["limits"]
    least = _bounded(limits["amount"]["min"] or lot, lot * MOST_LOTS)
    least_cost = _bounded((limits.get("cost") or {}).get("min") or 0, MOST_QUOTE)
    return Market(
        exchange=rest.exchange,
        symbol=symbol,
        kind=kind,
        tick=tick,
        lot=lot,
        contract_size=contract_size,
        min_lots=max(1, int(-(-least // lot))),
        min_notional_units=int(least_cost * UNITS_PER_QUOTE),
        funding_interval_ms=funding_interval_ms,
        max_leverage=int(_bounded((limits.get("leverage") or {}).get("max") or 0, MOST_LEVERAGE)),
        status=MarketStatus.HALTED if listed.get("active") is False else MarketStatus.TRADING,
    )


def _bounded(stated: object, most: Decimal) -> Decimal:
    """Return a number that lies between 0 and a bound.

    Raises:
        ValueError, ArithmeticError: it is none.
    """
    found = Decimal(str(stated))
    if not 0 <= found <= most:  # NaN is refused by the comparison itself
        raise ValueError(f"{stated} does not lie between 0 and {most:,}")
    return found


def _fits(market: dict[str, Any], kind: MarketKind) -> bool:
    return market.get("active") is not False and _is_kind(market, kind)


def _has_ended(listed: dict[str, Any]) -> bool:
    info = listed.get("info") or {}
    stated = str(info.get("status") or info.get("contractStatus") or info.get("state") or "").lower()
    return stated in ENDED


def _settled_at(listed: dict[str, Any]) -> float | None:
    """Return the price at which the exchange settles a market that it ended, where it tells one."""
    info = listed.get("info") or {}
    told = next((info[name] for name in SETTLED_AT if info.get(name)), None)
    try:
        price = float(told) if told is not None else 0.0
    except (TypeError, ValueError):
        return None
    return price if price > 0 else None


def _delists_ms(listed: dict[str, Any]) -> int:
    """Return when a perpetual will be delivered: exchanges date it far away until they announce its end."""
    text = str((listed.get("info") or {}).get("deliveryDate") or (listed.get("info") or {}).get("deliveryTime") or "")
    return int(text) if _is_number(text) and 0 < int(text) < NO_END_MS else 0


def _is_kind(market: dict[str, Any], kind: MarketKind) -> bool:
    return bool(market.get("spot")) if kind == "spot" else bool(market.get("swap") and market.get("linear"))


def _spelled(symbol: str, known: dict[str, dict[str, Any]]) -> str | None:
    """Return the listed name that differs from `symbol` in capitals only (kPEPE, KPEPE), when there is just one."""
    if symbol in known:
        return None
    alike = [name for name in known if name.casefold() == symbol.casefold()]
    return alike[0] if len(alike) == 1 else None


def _step(client: Any, precision: float | int | None) -> Decimal | None:
    if precision is None:
        return None
    if client.precisionMode == ccxt.TICK_SIZE:
        return Decimal(str(precision)).normalize()
    return Decimal(1).scaleb(-int(precision)) if client.precisionMode == ccxt.DECIMAL_PLACES else None


async def _funding_intervals(
    rest: Rest, symbols: Sequence[str], kind: MarketKind, known: dict[str, dict[str, Any]]
) -> dict[str, int]:
    """Return the milliseconds between two settlements per symbol; 0 where nothing settles."""
    has = rest.client.has
    if kind == "spot" or not has.get("fetchFundingRateHistory"):
        return dict.fromkeys(symbols, 0)
    names = [known[symbol]["symbol"] for symbol in symbols]
    stated: dict[str, Any] = {}
    if has.get("fetchFundingIntervals"):
        stated = await rest.ask("fetch_funding_intervals", names, attempts=START_ATTEMPTS)
    elif has.get("fetchFundingInterval") is True:
        stated = {name: await rest.ask("fetch_funding_interval", name, attempts=START_ATTEMPTS) for name in names}
    return {symbol: _interval_ms(stated.get(known[symbol]["symbol"]), known[symbol]) for symbol in symbols}


def _interval_ms(stated: dict[str, Any] | None, listed: dict[str, Any]) -> int:
    """Return an interval from ccxt's "8h", from bybit's minutes, or the usual eight hours."""
    text = str((stated or {}).get("interval") or "")
    if text.endswith("h") and _is_number(text[:-1]):
        return _sane_ms(int(text[:-1]) * HOUR_MS)
    minutes = str((listed.get("info") or {}).get("fundingInterval") or "")
    return _sane_ms(int(minutes) * MINUTE_MS) if _is_number(minutes) else DEFAULT_FUNDING_MS


def _sane_ms(interval_ms: int) -> int:
    return interval_ms if 0 < interval_ms <= LONGEST_FUNDING_MS else DEFAULT_FUNDING_MS


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= LONGEST_NUMBER
