"""Shapes of candle files that people have, made from one walk: what each should become."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq

from storage.candles.importing.sheet import Options
from strategies.market import HOUR_MS, Timeframe
from tests.storage.candles.candle_builders import START_MS, walk

ROWS = 48
HOURS = walk(ROWS)
DAYS = walk(ROWS, Timeframe.D1)
MINUTES = walk(ROWS, Timeframe.M1)
for written in (HOURS, DAYS, MINUTES):
    written[:, 1:5] = np.round(written[:, 1:5], 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One file: its name, what writes it, and the outcome.

    Attributes:
        taken: the rows it must become; None: it must be refused or ask.
        said: part of the line, or of the refusal.
        symbol, timeframe, kind: what a person asks for; empty: read off the file.
        market: what is read off it then.
    """

    name: str
    write: Callable[[Path], None]
    taken: np.ndarray | None = None
    said: str = ""
    symbol: str = "BTCUSDT"
    timeframe: str = ""
    kind: str = ""
    market: str = "BTCUSDT"
    options: Options = field(default_factory=Options)


def text(content: str | bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    return write


def lines(
    rows: np.ndarray,
    header: str = "timestamp,open,high,low,close,volume",
    *,
    time: Callable[[float], str] = lambda ms: f"{ms:.0f}",
    order: tuple[int, ...] = (1, 2, 3, 4, 5),
    sign: str = ",",
    number: Callable[[float], str] = lambda value: repr(float(value)),
    end: str = "\n",
    before: str = "",
    after: str = "",
) -> str:
    """Return a text file of candles."""
    body = [sign.join([before + time(row[0]), *(number(row[place]) for place in order)]) + after for row in rows]
    return end.join([*([header] if header else []), *body]) + end


def form(pattern: str, hours: float = 0.0) -> Callable[[float], str]:
    return lambda ms: datetime.fromtimestamp(ms / 1000 + 3600 * hours, UTC).strftime(pattern)


def comma(value: float) -> str:
    return repr(float(value)).replace(".", ",")


def vision(rows: np.ndarray, scale: int = 1) -> str:
    return "".join(
        f"{int(row[0]) * scale},{row[1]:.8f},{row[2]:.8f},{row[3]:.8f},{row[4]:.8f},{row[5]:.3f},"
        f"{(int(row[0]) + HOUR_MS) * scale - 1},{row[4] * row[5]:.4f},100,1.0,2.0,0\n"
        for row in rows
    )


VISION_HEADER = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy,taker_buy_quote,ignore\n"


def zipped(**members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.csv", content)
    return buffer.getvalue()


def table(rows: np.ndarray, time_name: str = "date", **changes: object) -> pa.Table:
    times = pa.array(rows[:, 0].astype(np.int64)).cast(pa.timestamp("ms", tz=str(changes.get("zone", "UTC"))))
    kind = changes.get("kind", pa.float64())
    values = {
        name: pa.array(rows[:, place]).cast(kind)
        for place, name in enumerate(("open", "high", "low", "close", "volume"), start=1)
    }
    return pa.table({time_name: times, **values})


def feather(rows: np.ndarray, **changes: object) -> Callable[[Path], None]:
    return lambda path: pa.feather.write_feather(table(rows, **changes), path)


def parquet(rows: np.ndarray, **changes: object) -> Callable[[Path], None]:
    return lambda path: pq.write_table(table(rows, **changes), path)


def as_json(rows: np.ndarray, *, wrap: bool = False) -> str:
    content = [[int(row[0]), *row[1:].tolist()] for row in rows]
    return json.dumps({"retCode": 0, "result": {"list": content}} if wrap else content)


def with_value(row: int, column: int, value: float) -> np.ndarray:
    changed = HOURS.copy()
    changed[row, column] = value
    return changed


def without(rows: np.ndarray, *gone: int) -> np.ndarray:
    return np.delete(rows, gone, axis=0)


def joined(*texts: str) -> str:
    return "".join(texts)


def packed(content: str) -> bytes:
    return gzip.compress(content.encode())


__all__ = ["DAYS", "HOURS", "MINUTES", "START_MS", "Shape"]
