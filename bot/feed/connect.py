"""Client factory: from a name in config.toml to a ccxt.pro client, its class, options, addresses.

`builtin` is Binance USDT-M spoken on loopback. Any exchange of ccxt.pro that watches candles will do; binance, bybit
and okx get the closed-flag fast path.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, Final, Literal

from ccxt import pro

from bot.feed import clients
from bot.feed.thin_ccxt import is_exchange
from strategies.errors import BadInput

MarketKind = Literal["futures", "spot"]
_FAST: Final[dict[tuple[str, str], type[Any]]] = {
    ("builtin", "futures"): clients.BinanceFutures,
    ("binanceusdm", "futures"): clients.BinanceFutures,
    ("binance", "futures"): clients.BinanceFutures,
    ("binance", "spot"): clients.BinanceSpot,
    ("bybit", "futures"): clients.Bybit,
    ("bybit", "spot"): clients.BybitSpot,
    ("okx", "futures"): clients.Okx,
    ("okx", "spot"): clients.Okx,
}
_MARKET_TYPES: Final = {
    ("binance", "spot"): ["spot"],
    ("bybit", "futures"): ["linear"],
    ("bybit", "spot"): ["spot"],
    ("okx", "futures"): ["swap"],
    ("okx", "spot"): ["spot"],
}


def client_for(
    name: str,
    kind: MarketKind,
    *,
    url: str = "",
    timeout_s: float = 10.0,
    keep_alive_s: float = 10.0,
    fast: bool = True,
) -> Any:
    """Return the ccxt.pro client of an exchange, not yet connected.

    Args:
        name: as in config.toml.
        kind: which of its markets.
        url: base address to use instead of the exchange's own; needed by `builtin`.
        timeout_s: of a REST request.
        keep_alive_s: between pings of a socket; a dead peer is noticed after about three.
        fast: False takes the timer-and-REST path where a fast one exists.

    Raises:
        BadInput: there is no such exchange, or it cannot watch candles.
    """
    ccxt_name = "binanceusdm" if name == "builtin" or (name == "binance" and kind == "futures") else name
    if name == "builtin" and kind == "spot":
        raise BadInput("exchange.market is spot, but the built-in exchange has futures only")
    if name == "builtin" and not url:
        raise BadInput("exchange.name is builtin, but its address is not known; exchange.url is needed")
    if not is_exchange(ccxt_name):
        near = get_close_matches(name, [*pro.exchanges, "builtin"], n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise BadInput(f"exchange.name is {name!r}, which ccxt.pro does not know{hint}")
    base = _FAST.get((name, kind)) if fast else None
    client_class = base or type(f"Watched{ccxt_name}", (clients.WatchedClient, getattr(pro, ccxt_name)), {})
    client = client_class(_options(name, kind, timeout_s, keep_alive_s))
    if not client.has.get("watchOHLCV") and base is None:
        raise BadInput(f"exchange.name is {name!r}, which cannot watch candles; one with watchOHLCV is needed")
    if url:
        _point_at(client, ccxt_name, url.rstrip("/"))
    return client


def _options(name: str, kind: MarketKind, timeout_s: float, keep_alive_s: float) -> dict[str, Any]:
    options: dict[str, Any] = {"OHLCVLimit": 100}  # ccxt's own cache; the fast path does not use it
    if types := _MARKET_TYPES.get((name, kind)):
        options["fetchMarkets"] = {"types": types}
    if kind == "futures" and name not in ("builtin", "binance", "binanceusdm"):
        options["defaultType"] = "swap"
    return {
        "enableRateLimit": name != "builtin",
        "timeout": round(timeout_s * 1000),
        "streaming": {"keepAlive": round(keep_alive_s * 1000)},
        "options": options,
    }


def _point_at(client: Any, ccxt_name: str, base: str) -> None:
    """Send a client to another host, keeping the paths that ccxt expects there.

    Raises:
        BadInput: we do not know which of its addresses to change.
    """
    socket = base.replace("http", "ws", 1)
    addresses = client.urls["api"]
    match ccxt_name:
        case "binanceusdm":
            addresses["fapiPublic"] = f"{base}/fapi/v1"
            addresses["ws"]["linear"] = f"{socket}/ws"
        case "binance":
            addresses["public"] = f"{base}/api/v3"
            addresses["ws"]["spot"] = f"{socket}/ws"
        case "bybit":
            addresses["public"] = base
            addresses["ws"]["public"] = {"linear": f"{socket}/v5/public/linear", "spot": f"{socket}/v5/public/spot"}
        case "okx":
            addresses["rest"], addresses["ws"] = base, f"{socket}/ws/v5"
        case _:
            raise BadInput(f"exchange.url is set, but {ccxt_name} cannot be sent to another address")
