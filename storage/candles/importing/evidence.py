"""What a file's name and columns say about its market: symbol, kind, timeframe, and whether these are trades at all.

BTC_USDT_USDT-1h-futures.feather   freqtrade: BTCUSDT, 1h, futures
BTCUSDT-1h-2024-03.zip             Binance Vision
Gemini_BTCUSD_2024_1min.csv        cryptodatadownload
BINANCE_BTCUSDT.P, 60.csv          TradingView
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import Final

from strategies.errors import BadInput
from strategies.market import Timeframe

_QUOTES: Final = ("USDT", "USDC", "BUSD", "FDUSD", "TUSD", "USD", "EUR", "GBP", "JPY", "TRY", "BTC", "ETH", "BNB")
_ALIASES: Final = {"XBT": "BTC", "XXBTZ": "BTC", "XETHZ": "ETH", "XDG": "DOGE"}
_PAIR: Final = re.compile(rf"^([A-Z0-9]{{2,12}}?)({'|'.join(_QUOTES)})$")
_NOT_TRADES: Final = (
    ("mark", "mark prices"), ("markprice", "mark prices"), ("markpriceklines", "mark prices"),
    ("index", "index prices"), ("indexprice", "index prices"), ("indexpriceklines", "index prices"),
    ("premium", "a premium index"), ("premiumindex", "a premium index"), ("premiumindexklines", "a premium index"),
    ("premium_index", "a premium index"),
)  # fmt: skip
_FRAMES: Final = {
    "1m": "1m", "5m": "5m", "15m": "15m", "1h": "1h", "4h": "4h", "1d": "1d", "1min": "1m", "5min": "5m",
    "15min": "15m", "60min": "1h", "60m": "1h", "240m": "4h", "1hour": "1h", "hourly": "1h", "minute": "1m",
    "daily": "1d", "1day": "1d", "day": "1d", "4hour": "4h", "d1": "1d", "h1": "1h", "h4": "4h", "m1": "1m",
    "m5": "5m", "m15": "15m", "d": "1d", "1440m": "1d", "hour": "1h", "3m": "3m", "30m": "30m", "2h": "2h",
    "6h": "6h", "8h": "8h", "12h": "12h", "1w": "1w", "3d": "3d", "30min": "30m", "1s": "1s",
}  # fmt: skip
_FREQTRADE: Final = re.compile(r"^([A-Z0-9]+)_([A-Z0-9]+)(?:_([A-Z0-9]+))?-(\d+[smhdwM])(?:-([a-z_]+))?\.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What one source says; empty: nothing."""

    symbol: str = ""
    kind: str = ""
    timeframe: str = ""
    not_trades: str = ""
    is_funding: bool = False


def canonical(text: str) -> str:
    """Return a symbol as BTCUSDT: "BTC/USDT:USDT", "btc-usdt", "XBTUSDT" and "BINANCE:BTCUSDT.P" too."""
    word = text.strip().upper()
    if re.fullmatch(r"[A-Z]+:[A-Z0-9]+(\.P)?", word):
        word = word.partition(":")[2]
    word = re.sub(r"(\.P|[-_]?PERP|[-_]SWAP|:[A-Z0-9]+|@[A-Z]+)$", "", word)
    word = re.sub(r"[^A-Z0-9]", "", word)
    for alias, name in _ALIASES.items():
        word = name + word[len(alias) :] if word.startswith(alias) else word
    return word


def from_name(name: str) -> Evidence:
    """Return what a path says; folders count where exchanges and bots name them."""
    parts = name.replace("\\", "/").split("/")
    base = next((part for part in reversed(parts) if "." in part or part), "")
    if match := _FREQTRADE.match(base):
        coin, quote, settle, frame, suffix = match.groups()
        found = Evidence(
            symbol=canonical(coin + quote), timeframe=frame, kind="futures" if settle or suffix == "futures" else "spot"
        )
        if suffix and suffix.startswith("funding"):
            return Evidence(symbol=found.symbol, kind="futures", is_funding=True)
        if suffix in ("mark", "index", "premiumIndex", "premium_index"):
            return Evidence(
                symbol=found.symbol, kind="futures", timeframe=frame, not_trades=dict(_NOT_TRADES)[suffix.lower()]
            )
        return found
    stem = re.sub(r"\.(csv|txt|tsv|parquet|pq|feather|arrow|json|gz|zip|hdf5?|h5|bz2|xz)\b", "", base, flags=re.I)
    tokens = [token for token in re.split(r"[^A-Za-z0-9]+", stem) if token]
    words = [token.lower() for token in tokens]
    symbol = _pair_of(tokens)
    not_trades = next((what for word, what in _NOT_TRADES if word in words), "") if symbol else ""
    folders = [part.lower() for part in parts[:-1]]
    not_trades = not_trades or next(
        (what for word, what in _NOT_TRADES if f"{word}" in folders and "klines" in word), ""
    )
    kind = "spot" if "spot" in words else ""
    if {"perp", "perpetual", "swap", "futures", "um"} & set(words) or ".P" in stem:
        kind = "futures"
    return Evidence(
        symbol=symbol,
        kind=kind,
        timeframe=_frame_of(words, bool(symbol)),
        not_trades=not_trades,
        is_funding="fundingrate" in words or "funding" in words,
    )


def _pair_of(tokens: list[str]) -> str:
    for first, second in itertools.pairwise(tokens):
        if second.upper() in _QUOTES and first.isupper() and second.isupper() and _is_coin(first):
            return canonical(first + second)
    for token in tokens:
        word = canonical(token)
        match = _PAIR.match(word)
        if match and (token.isupper() or (token.islower() and match[2] in ("USDT", "USD", "USDC", "BUSD"))):
            return word
    return ""


def _is_coin(text: str) -> bool:
    return (
        2 <= len(text) <= 12 and any(letter.isalpha() for letter in text) and not re.fullmatch(r"[MHD]\d+|UTF\d+", text)
    )


def _frame_of(words: list[str], has_symbol: bool) -> str:
    """Return the timeframe that a name speaks of; words without a number count beside a symbol only."""
    for place, word in enumerate(words):
        if word in _FRAMES and (has_symbol or word[0].isdigit()):
            return _FRAMES[word]
        if word == "1" and words[place + 1 : place + 2] in (["min"], ["minute"], ["hour"], ["day"]):
            return _FRAMES.get(f"1{words[place + 1]}", "1m")
    return ""


def from_columns(symbols: list[str], frames: list[str]) -> Evidence:
    """Return what constant columns say."""
    symbol = canonical(symbols[0]) if len(symbols) == 1 and symbols[0] else ""
    kind = "futures" if symbols and re.search(r"\.P$|PERP$|SWAP$|:[A-Z]+$", symbols[0].upper()) else ""
    frame = frames[0].strip().lower() if len(frames) == 1 else ""
    minutes = {"1": "1m", "5": "5m", "15": "15m", "60": "1h", "240": "4h", "1440": "1d"}
    return Evidence(symbol=symbol, kind=kind, timeframe=_FRAMES.get(frame, minutes.get(frame, "")))


def settle(asked: str, found: list[tuple[str, str]], what: str, option: str, override: bool) -> str:
    """Return the one value that a person and the evidence agree on, or "".

    Args:
        asked: by option, or "".
        found: (value, where it stands), empty values left out by the caller or not.
        what: "symbol"; option: "--symbol".
        override: what was asked counts, whatever the evidence.

    Raises:
        BadInput: they disagree; the message names both and the way out.
    """
    known = [(value, where) for value, where in found if value]
    if asked:
        other = next(((value, where) for value, where in known if value != asked), None)
        if other is None or override:
            return asked
        raise BadInput(
            f"{other[1]} says {what} {other[0]}, {option} says {asked}; "
            f"ask for {option} {other[0]}, or --override-evidence when the file is wrong about itself"
        )
    values = {value for value, _ in known}
    if len(values) > 1:
        said = ", ".join(f"{where} says {value}" for value, where in known)
        raise BadInput(f"the {what} is in doubt: {said}; {option} decides, one market at a time")
    return known[0][0] if known else ""


def known_timeframe(text: str, where: str) -> Timeframe:
    """Return the timeframe of a word; BadInput when the store has none of that length."""
    if text not in list(Timeframe):
        raise BadInput(f"{where}: candles of {text} cannot be stored; one of {', '.join(Timeframe)} is needed")
    return Timeframe(text)
