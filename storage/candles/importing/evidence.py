"""Evidence of a market in a file's name and columns: symbol, kind, timeframe, and whether these are trades at all.

BTC_USDT_USDT-1h-futures.feather   freqtrade: BTCUSDT, 1h, futures
BTCUSDT-1h-2024-03.zip             Binance Vision
Gemini_BTCUSD_2024_1min.csv        cryptodatadownload
BINANCE_BTCUSDT.P, 60.csv          TradingView
DAT_ASCII_BTCUSD_M1_2024.csv       HistData: New York's winter clock all year
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import Final

from storage.candles.importing.pairs import canonical, coin_of, is_pair, pair_of
from strategies.errors import BadInput
from strategies.market import Timeframe

_NOT_TRADES: Final = {
    "mark": "mark prices", "markprice": "mark prices", "markpriceklines": "mark prices",
    "index": "index prices", "indexprice": "index prices", "indexpriceklines": "index prices",
    "premium": "a premium index", "premiumindex": "a premium index", "premiumindexklines": "a premium index",
    "premium index": "a premium index", "bid": "bid quotes", "ask": "ask quotes", "open interest": "open interest",
    "openinterest": "open interest", "oi": "open interest", "metrics": "open interest and ratios",
    "bookticker": "an order book", "bookdepth": "an order book", "orderbook": "an order book",
    "order book": "an order book", "depth": "an order book", "l2": "an order book",
    "trades": "single trades", "aggtrades": "single trades",
    "ticks": "single trades", "liquidations": "liquidations",
    "liquidationsnapshot": "liquidations", "heikin": "Heikin-Ashi candles", "heikinashi": "Heikin-Ashi candles",
    "renko": "Renko bricks",
}  # fmt: skip
_NOT_TRADES_OF_COLUMNS: Final = (
    ("an order book", r"(bid|ask)s?_?\d|best_(bid|ask)|asks?_\d+_price|bid_price|ask_price"),
    ("single trades", r"(is_)?buyer_maker|is_buyer_maker|agg_trade_id|trade_id"),
    ("open interest", r"(sum_)?open_interest"),
)
_FRAMES: Final = {
    "1m": "1m", "5m": "5m", "15m": "15m", "1h": "1h", "4h": "4h", "1d": "1d", "1min": "1m", "5min": "5m",
    "15min": "15m", "60min": "1h", "60m": "1h", "240m": "4h", "1hour": "1h", "hourly": "1h", "minute": "1m",
    "daily": "1d", "1day": "1d", "day": "1d", "4hour": "4h", "d1": "1d", "h1": "1h", "h4": "4h", "m1": "1m",
    "m5": "5m", "m15": "15m", "d": "1d", "1440m": "1d", "hour": "1h", "3m": "3m", "30m": "30m", "2h": "2h",
    "6h": "6h", "8h": "8h", "12h": "12h", "1w": "1w", "3d": "3d", "30min": "30m", "1s": "1s",
}  # fmt: skip
_FREQTRADE: Final = re.compile(r"^([A-Z0-9]+)_([A-Z0-9]+)(?:_([A-Z0-9]+))?-(\d+[smhdwM])(?:-([A-Za-z_]+))?\.")
_HISTDATA: Final = re.compile(r"^DAT_(ASCII|MT|NT|XLSX|MS)_", re.IGNORECASE)
_ENDINGS: Final = re.compile(
    r"\.(csv|txt|tsv|parquet|pq|feather|arrow|jsonl?|gz|zip|hdf5?|h5|bz2|xz|zst|tar|npy)\b", re.I
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What one source says; empty: nothing.

    Attributes:
        symbol: a whole pair.
        coin: a base coin alone, where no pair is named.
        kind, timeframe: of the market, of the candles.
        not_trades: what the numbers are instead of trades, in words.
        is_funding: funding rates.
        clock: whose clock such files are stamped by, in words, where it is known not to be UTC.
    """

    symbol: str = ""
    coin: str = ""
    kind: str = ""
    timeframe: str = ""
    not_trades: str = ""
    is_funding: bool = False
    clock: str = ""


def from_name(name: str) -> Evidence:
    """Return what a path says; folders count where exchanges and bots name them."""
    parts = name.replace("\\", "/").split("/")
    base = next((part for part in reversed(parts) if "." in part or part), "")
    if match := _FREQTRADE.match(base):
        return _of_freqtrade(match)
    stem = _ENDINGS.sub("", base)
    tokens = [token for token in re.split(r"[^A-Za-z0-9]+", stem) if token]
    words = [token.lower() for token in tokens]
    symbol = pair_of(tokens)
    spoken = _spoken(words) if symbol else ""
    folders = [part.lower() for part in parts[:-1]]
    spoken = spoken or next((_NOT_TRADES[part] for part in folders if part in _NOT_TRADES and "klines" in part), "")
    kind = "spot" if "spot" in words else ""
    if {"perp", "perpetual", "swap", "futures", "um"} & set(words) or ".P" in stem:
        kind = "futures"
    return Evidence(
        symbol=symbol,
        kind=kind,
        timeframe=_frame_of(words, bool(symbol)),
        not_trades=spoken,
        is_funding="fundingrate" in words or "funding" in words,
        clock="New York's winter time" if _HISTDATA.match(base) else "",
    )


def _of_freqtrade(match: re.Match[str]) -> Evidence:
    coin, quote, settle, frame, suffix = match.groups()
    suffix = (suffix or "").lower()
    symbol = canonical(coin + quote)
    if suffix.startswith("funding"):
        return Evidence(symbol=symbol, kind="futures", is_funding=True)
    if suffix in ("mark", "index", "premiumindex", "premium_index"):
        return Evidence(symbol=symbol, kind="futures", timeframe=frame, not_trades=_NOT_TRADES[suffix.replace("_", "")])
    return Evidence(symbol=symbol, timeframe=frame, kind="futures" if settle or suffix == "futures" else "spot")


def _spoken(words: list[str]) -> str:
    """Return what a name says the numbers are, if no candles of trades."""
    pairs = [" ".join(pair) for pair in itertools.pairwise(words)]
    return next((_NOT_TRADES[word] for word in (*pairs, *words) if word in _NOT_TRADES), "")


def _frame_of(words: list[str], has_symbol: bool) -> str:
    """Return the timeframe that a name speaks of; words without a number count beside a symbol only."""
    for place, word in enumerate(words):
        if word in _FRAMES and (has_symbol or word[0].isdigit()):
            return _FRAMES[word]
        if word == "1" and words[place + 1 : place + 2] in (["min"], ["minute"], ["hour"], ["day"]):
            return _FRAMES.get(f"1{words[place + 1]}", "1m")
    return ""


def from_columns(symbols: list[str], frames: list[str], names: list[str]) -> Evidence:
    """Return what constant columns and the columns' plain names say."""
    written = symbols[0] if len(symbols) == 1 and symbols[0] else ""
    symbol = canonical(written) if is_pair(written) else ""
    kind = "futures" if re.search(r"\.P$|PERP$|SWAP$|:[A-Z]+$", written.upper()) and symbol else ""
    frame = frames[0].strip().lower() if len(frames) == 1 else ""
    minutes = {"1": "1m", "5": "5m", "15": "15m", "60": "1h", "240": "4h", "1440": "1d"}
    return Evidence(
        symbol=symbol,
        coin="" if symbol else coin_of(written),
        kind=kind,
        timeframe=_FRAMES.get(frame, minutes.get(frame, "")),
        not_trades=next(
            (what for what, form in _NOT_TRADES_OF_COLUMNS if any(re.fullmatch(form, name) for name in names)), ""
        ),
    )


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
