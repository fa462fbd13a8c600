"""Markets as people write them: BTC/USDT:USDT, btc-usdt, XBTUSD, X:BTCUSD, KRW-BTC, Bitcoin."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Final

_MONEY: Final = (
    "USDT", "USDC", "BUSD", "FDUSD", "TUSD", "USD", "EUR", "GBP", "JPY", "TRY", "KRW", "AUD", "BRL", "CAD", "CHF",
)  # fmt: skip
QUOTES: Final = (*_MONEY, "BTC", "ETH", "BNB")
DOLLARS: Final = frozenset(("USD", "USDT", "USDC", "BUSD", "FDUSD", "TUSD"))
_ALIASES: Final = {"XBT": "BTC", "XXBTZ": "BTC", "XETHZ": "ETH", "XDG": "DOGE"}
_NAMES: Final = {
    "BITCOIN": "BTC", "ETHEREUM": "ETH", "SOLANA": "SOL", "RIPPLE": "XRP", "CARDANO": "ADA", "DOGECOIN": "DOGE",
    "LITECOIN": "LTC", "POLKADOT": "DOT", "CHAINLINK": "LINK", "AVALANCHE": "AVAX", "TRON": "TRX", "MONERO": "XMR",
    "STELLAR": "XLM", "UNISWAP": "UNI", "COSMOS": "ATOM", "BINANCECOIN": "BNB",
}  # fmt: skip
_PAIR: Final = re.compile(rf"^([A-Z0-9]{{2,12}}?)({'|'.join(QUOTES)})$")


def canonical(text: str) -> str:
    """Return a symbol as BTCUSDT: "BTC/USDT:USDT", "btc-usdt", "XBTUSDT" and "BINANCE:BTCUSDT.P" too."""
    word = text.strip().upper()
    if re.fullmatch(r"[A-Z]+:[A-Z0-9]+(\.P)?", word):
        word = word.partition(":")[2]
    word = re.sub(r"(\.P|[-_]?PERP|[-_]SWAP|:[A-Z0-9]+|@[A-Z]+)$", "", word)
    halves = re.split(r"[-_/ ]", word)
    if len(halves) == 2 and halves[0] in _MONEY and halves[1] not in _MONEY:  # Upbit writes the money first
        word = halves[1] + halves[0]
    word = re.sub(r"[^A-Z0-9]", "", word)
    for alias, name in _ALIASES.items():
        word = name + word[len(alias) :] if word.startswith(alias) else word
    return word


def is_pair(text: str) -> bool:
    """Whether a word names a coin and what it is paid in."""
    return bool(_PAIR.match(canonical(text)))


def coin_of(text: str) -> str:
    """Return the coin that a word names alone: "BTC", "Bitcoin"; "" for numbers and empty words."""
    word = canonical(text)
    return _NAMES.get(word, word) if any(sign.isalpha() for sign in word) else ""


def quote_of(symbol: str) -> str:
    """Return what a canonical symbol is paid in, "" where its ending is unknown."""
    match = _PAIR.match(symbol)
    return match[2] if match else ""


def pair_of(tokens: Sequence[str]) -> str:
    """Return the market that the words of a file name speak of, canonical; "" for none."""
    for quotes in (_MONEY, QUOTES):  # KAIKO_BTC_USD is BTC in USD, not KAIKO in BTC
        for first, second in itertools.pairwise(tokens):
            alike = (first.isupper() and second.isupper()) or second in ("usdt", "usd", "usdc", "busd")
            if second.upper() in quotes and alike and _is_coin(first):
                return canonical(first + second)
    for token in tokens:
        match = _PAIR.match(canonical(token))
        if match and (token.isupper() or (token.islower() and match[2] in ("USDT", "USD", "USDC", "BUSD"))):
            return canonical(token)
    return ""


def _is_coin(text: str) -> bool:
    return (
        2 <= len(text) <= 12 and any(letter.isalpha() for letter in text) and not re.fullmatch(r"[MHD]\d+|UTF\d+", text)
    )
