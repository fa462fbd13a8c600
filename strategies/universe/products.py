"""Products: a symbol's quote currency, and whether it is a stablecoin, a leveraged token or an index.

Exchanges say it in as many ways as there are exchanges; candles say nothing. Names are what all of them share, and what
an exchange states about a product goes before them.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final, Literal

Product = Literal["coin", "stable", "leveraged", "index"]

QUOTES: Final = ("FDUSD", "USDT", "USDC", "BUSD", "TUSD", "USD1", "USDE", "USD", "EUR", "TRY", "BTC", "ETH", "BNB")
STABLES: Final = frozenset(
    [
        "USDT",
        "USDC",
        "BUSD",
        "TUSD",
        "FDUSD",
        "DAI",
        "USDP",
        "USDD",
        "GUSD",
        "PYUSD",
        "USDE",
        "USDS",
        "USD1",
        "XUSD",
        "BFUSD",
        "SUSD",
        "LUSD",
        "FRAX",
        "UST",
        "PAX",
        "RLUSD",
        "USDJ",
        "EUR",
        "EURI",
        "EURT",
        "EURC",
        "AEUR",
        "EURS",
        "GBP",
        "TRY",
        "BRL",
        "AUD",
        "JPY",
        "USD",
        "PAXG",
        "XAUT",
        "WBTC",
        "WBETH",
    ]
)
INDICES: Final = frozenset(["BTCDOM", "DEFI", "BLUEBIRD", "FOOTBALL", "ALL", "BTCST", "ALTDOM"])
_LEVERAGED: Final = re.compile(r"(?P<stem>[A-Z0-9]+?)(?:UP|DOWN|BULL|BEAR|HEDGE|HALF|[235]L|[235]S)")
_MAJORS: Final = frozenset(
    [
        "BTC",
        "ETH",
        "BNB",
        "XRP",
        "ADA",
        "SOL",
        "DOT",
        "LTC",
        "LINK",
        "TRX",
        "EOS",
        "BCH",
        "XLM",
        "XTZ",
        "UNI",
        "YFI",
        "AAVE",
        "FIL",
        "SUSHI",
    ]
)


def split_symbol(symbol: str) -> tuple[str, str]:
    """Return base and quote of a canonical symbol; ("", "") where no quote is known at its end."""
    for quote in QUOTES:
        if symbol.endswith(quote) and len(symbol) > len(quote):
            return symbol.removesuffix(quote), quote
    return "", ""


def product_of(base: str, bases: Collection[str] = (), stated: str = "") -> Product:
    """Return what a base currency is.

    Args:
        base: "BTC".
        bases: those listed beside it: a leveraged token is named after one of them, so that JUP is a coin.
        stated: what the exchange says it is ("INDEX", "COIN", …); "": nothing.
    """
    if "INDEX" in stated.upper() or base in INDICES:
        return "index"
    if base in STABLES:
        return "stable"
    named = _LEVERAGED.fullmatch(base)
    if named and (named["stem"] in _MAJORS or named["stem"] in bases):
        return "leveraged"
    return "coin"
