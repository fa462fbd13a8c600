"""Folders as freqtrade, Jesse and Binance Vision lay them out: which files hold candles, of which market.

user_data/data/binance/futures/BTC_USDT_USDT-1h-futures.feather          freqtrade
data/futures/um/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2024-03.zip         Binance Vision
storage/candles/Binance Perpetual Futures/BTC-USDT.csv                   Jesse exports, one file a pair
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from storage.candles.importing.evidence import from_name
from strategies.errors import BadInput

_ENDINGS: Final = (
    ".csv", ".csv.gz", ".csv.bz2", ".csv.xz", ".csv.zst", ".txt", ".zip", ".tar.gz", ".json", ".json.gz", ".jsongz",
    ".jsonl", ".parquet", ".feather", ".arrow", ".npy", ".h5", ".hdf5",
)  # fmt: skip
_STORED: Final = frozenset(("1m", "5m", "15m", "1h", "4h", "1d"))
_EXCHANGES: Final = (
    "binance", "binanceusdm", "bybit", "okx", "kraken", "krakenfutures", "coinbase", "bitfinex", "bitget", "gate",
    "gateio", "kucoin", "kucoinfutures", "htx", "huobi", "mexc", "bitmex", "deribit", "bitstamp", "gemini",
    "hyperliquid", "dydx", "phemex", "upbit",
)  # fmt: skip
_SIDE: Final = ("trades", "aggtrades", "bookdepth", "bookticker", "liquidationsnapshot", "metrics")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A file of a folder; `place` is the exchange that a folder's name speaks of, `why_not` why it is left aside."""

    path: Path
    symbol: str = ""
    kind: str = ""
    place: str = ""
    why_not: str = ""


def files_of(folder: Path) -> list[Found]:
    """Return the files of a folder and its subfolders, in name order.

    Raises:
        BadInput: there is none.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name.lower().endswith(_ENDINGS))
    if not paths:
        raise BadInput(f"{folder} has no file of candles in it ({', '.join(_ENDINGS)})")
    monthly = {path.name for path in paths}
    return [_found(path, folder, monthly) for path in paths]


def _found(path: Path, folder: Path, names: set[str]) -> Found:
    said = from_name(str(path.relative_to(folder.parent)))
    parts = [part.lower() for part in path.relative_to(folder.parent).parts]
    words = {word for part in parts[:-1] for word in re.split(r"[^a-z0-9.]+", part)}
    is_futures = bool({"futures", "um", "cm", "perpetual", "perp", "swap", "linear"} & words)
    kind = said.kind or ("futures" if is_futures else "spot" if "spot" in words else "")
    why = ""
    if said.not_trades:
        why = f"{said.not_trades}, not trades"
    elif any(word in part.split("-") or word == part for part in parts for word in _SIDE):
        why = "no candles"
    elif said.timeframe and said.timeframe not in _STORED and not said.is_funding:
        why = f"{said.timeframe} candles are not stored"
    elif path.name + ".gz" in names:
        why = "the same file stands beside it compressed"
    place = next((word for word in _EXCHANGES if word in words), "")
    return Found(path=path, symbol=said.symbol, kind=kind, place=place, why_not=why)
