"""What every exchange of ccxt.pro can do for us, found out by really running its class against an exchange that takes
everything.

Asks each client what the feed asks: the time, candles from a given minute, a stream of candles; looks at what was sent.
Answers in an exchange's own language do not exist here, so that a client asks is shown, not that the exchange answers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import ccxt
import orjson
from ccxt import pro

from bot.clock import wall_ms
from bot.feed.clients import FastKlines
from bot.feed.connect import MarketKind, client_for
from bot.simulator.protocol.generic import GenericExchange
from strategies.errors import SigmaError
from strategies.market import MINUTE_MS

TABLE: Final = Path(__file__).with_name("conformance.json")
PATIENCE_S: Final = 2.0
NOT_FROM: Final = "candles from a given minute: only its newest can be asked for, old gaps stay"
NO_STREAM: Final = "a stream of candles, so REST is asked every minute"
KINDS: Final[tuple[MarketKind, ...]] = ("futures", "spot")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conformance:
    """What one exchange's class did for one kind of market.

    Attributes:
        exchange: name for `[exchange] name`.
        market: "futures" or "spot".
        usable: candles can be had: streamed, or at least asked for every minute.
        closed: how a candle is known to be closed: "flag" or "newer candle".
        time: whence the exchange's time: "own" or "Date header".
        missing: what it lacks, and what that means.
    """

    exchange: str
    market: str
    usable: bool
    closed: str
    time: str
    missing: tuple[str, ...]


async def probe(name: str, kind: MarketKind) -> Conformance | None:
    """Run one exchange's class; None: it has no such markets or cannot watch candles."""
    found = await _probe(name, kind, "BTCUSDT")
    return found if found is None or found.usable else await _probe(name, kind, "1")  # some number their markets


async def _probe(name: str, kind: MarketKind, market_id: str) -> Conformance | None:
    try:
        client = client_for(name, kind, timeout_s=PATIENCE_S)
    except SigmaError:
        return None
    server = GenericExchange()
    try:
        has = client.has
        if not has.get("watchOHLCV") or not has.get("spot" if kind == "spot" else "swap"):
            return None
        _redirect(client, await server.start())
        market = _market(kind, market_id)
        client.set_markets([client.safe_market_structure(market)])
        stamps: list[int] = []
        client.on_stamp = lambda stamp_ms, **bounds: stamps.append(stamp_ms)
        candles = await _candles(client, server, market["symbol"])
        stream = await _stream(client, server, market["symbol"])
        lacks = _lacks(client, kind)
        no_time = not has.get("fetchTime")
        if no_time and not stamps:
            lacks.append("a time: no Date header was read either; only newer candles close a candle")
        return Conformance(
            exchange=name,
            market=kind,
            usable=not candles or candles == NOT_FROM,
            closed="flag" if isinstance(client, FastKlines) else "newer candle",
            time="Date header" if no_time else "own",
            missing=tuple(text for text in (candles, stream, *lacks) if text),
        )
    finally:
        await client.close()
        await server.stop()


async def probe_all(names: Sequence[str] = ()) -> list[Conformance]:
    """Run every exchange's class, or those named, one after the other."""
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # ccxt leaves failed futures behind
    found = [await probe(name, kind) for name in names or pro.exchanges for kind in KINDS]
    return [one for one in found if one is not None]


def stored_table() -> list[Conformance]:
    """Return the table that was made with the pinned version of ccxt."""
    return [
        Conformance(**(row | {"missing": tuple(row["missing"])}))
        for row in orjson.loads(TABLE.read_bytes())["exchanges"]
    ]


def store_table(found: Sequence[Conformance]) -> None:
    """Keep a table beside this module."""
    document = {"ccxt": ccxt.__version__, "exchanges": [asdict(one) for one in found]}
    TABLE.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")


async def _candles(client: Any, server: GenericExchange, symbol: str) -> str:
    """Ask for candles from a minute on; return what is missing, empty: nothing."""
    since_ms = wall_ms() // MINUTE_MS * MINUTE_MS - 60 * MINUTE_MS
    if not client.has.get("fetchOHLCV"):
        return "candles by REST: gaps cannot be filled"
    if "1m" not in (client.timeframes or {"1m": "1m"}):
        return f"candles of 1m (it has {', '.join(client.timeframes)})"
    before = len(server.heard.requests)
    error = await _error_of(client.fetch_ohlcv(symbol, "1m", since_ms, 5))
    asked = server.heard.requests[before:]
    if not asked:
        return f"candles by REST: {error or 'nothing was asked'}"
    marks = (str(since_ms // 1000), client.iso8601(since_ms)[:16], client.iso8601(since_ms)[:16].replace(":", "%3A"))
    near = [str(since_ms // 1000 + shift) for shift in (-1, -60)]
    return "" if any(mark in text for text in asked for mark in (*marks, *near)) else NOT_FROM


async def _stream(client: Any, server: GenericExchange, symbol: str) -> str:
    """Watch candles; return what is missing, empty: nothing."""
    rest, error = len(server.heard.requests), await _error_of(client.watch_ohlcv(symbol, "1m"))
    if server.heard.sockets and (server.heard.messages or "BTC" in server.heard.sockets[-1].upper()):
        return ""
    if server.heard.sockets:
        return f"{NO_STREAM}: connected, nothing subscribed ({error or 'silent'})"
    if len(server.heard.requests) > rest:
        return ""  # asks for an address or a token first, in its own language
    return f"{NO_STREAM}: {error or 'no connection was opened'}"


async def _error_of(asking: Any) -> str:
    """Return what a call raised other than for lack of a meaningful answer."""
    try:
        await asyncio.wait_for(asking, PATIENCE_S)
    except (TimeoutError, ccxt.NetworkError):
        return ""
    except Exception as error:  # a task boundary: what a class chokes on is the finding
        return f"{type(error).__name__}: {' '.join(str(error).split())[:80]}"
    return ""


def _lacks(client: Any, kind: MarketKind) -> list[str]:
    has = client.has
    lacks = []
    if kind == "futures" and not has.get("fetchFundingRateHistory"):
        lacks.append("funding history: funding is not charged")
    if kind == "futures" and not (has.get("fetchFundingIntervals") or has.get("fetchFundingInterval") is True):
        lacks.append("funding intervals: 8 h are assumed unless its listing says otherwise")
    if not has.get("fetchMarkOHLCV"):
        lacks.append("mark price candles: a wild candle needs other markets or what comes after as its witness")
    return lacks


def _redirect(client: Any, url: str) -> None:
    """Send every address of a client to one server, the old address as the path's first part."""

    def moved(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: moved(part) for key, part in value.items()}
        if not isinstance(value, str) or "://" not in value:
            return value
        scheme, _, rest = value.partition("://")
        return f"{url.replace('http', 'ws', 1) if scheme.startswith('ws') else url}/{rest}"

    client.urls["api"] = moved(client.urls["api"])
    client.enableRateLimit = False


def _market(kind: MarketKind, market_id: str) -> dict[str, Any]:
    """Return a market that any class finds its way in."""
    is_spot = kind == "spot"
    settle = (
        {} if is_spot else {"settle": "USDT", "settleId": "USDT", "contractSize": 1, "linear": True, "inverse": False}
    )
    return {
        "id": market_id,
        "id2": market_id,
        "baseName": "BTC",
        "lowercaseId": market_id.lower(),
        "symbol": "BTC/USDT" if is_spot else "BTC/USDT:USDT",
        "base": "BTC",
        "quote": "USDT",
        "baseId": "BTC",
        "quoteId": "USDT",
        "type": "spot" if is_spot else "swap",
        "spot": is_spot,
        "swap": not is_spot,
        "contract": not is_spot,
        "active": True,
        "precision": {"price": 0.01, "amount": 0.001},
        "limits": {"amount": {"min": 0.001}, "cost": {"min": 5.0}},
        "info": {"symbol": "BTCUSDT", "id": "BTCUSDT", "name": "BTCUSDT", "wsname": "BTC/USDT"},
        **settle,
    }
