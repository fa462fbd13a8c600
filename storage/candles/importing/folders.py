"""Folders as freqtrade, Jesse and Binance Vision lay them out: which files hold candles, of which market.

user_data/data/binance/futures/BTC_USDT_USDT-1h-futures.feather          freqtrade
data/futures/um/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2024-03.zip         Binance Vision
storage/candles/Binance Perpetual Futures/BTC-USDT.csv                   Jesse exports, one file a pair
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from storage.candles.importing.evidence import from_name
from strategies.errors import BadInput

_ENDINGS: Final = (
    ".csv", ".csv.gz", ".txt", ".zip", ".json", ".json.gz", ".jsongz", ".parquet", ".feather", ".h5", ".hdf5",
)  # fmt: skip
_STORED: Final = frozenset(("1m", "5m", "15m", "1h", "4h", "1d"))
_SIDE: Final = ("trades", "aggtrades", "bookdepth", "bookticker", "liquidationsnapshot", "metrics")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A file of a folder; `why_not` says why it is left aside."""

    path: Path
    symbol: str = ""
    kind: str = ""
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
    kind = said.kind or ("futures" if {"futures", "um", "cm"} & set(parts) else "spot" if "spot" in parts else "")
    kind = kind or ("futures" if any("perpetual" in part for part in parts) else "")
    why = ""
    if said.not_trades:
        why = f"{said.not_trades}, not trades"
    elif any(word in part.split("-") or word == part for part in parts for word in _SIDE):
        why = "no candles"
    elif said.timeframe and said.timeframe not in _STORED and not said.is_funding:
        why = f"{said.timeframe} candles are not stored"
    elif path.name + ".gz" in names:
        why = "the same file stands beside it compressed"
    return Found(path=path, symbol=said.symbol, kind=kind, why_not=why)
