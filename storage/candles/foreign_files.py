"""Other people's files as columns: parquet, feather, CSV; times in s, ms, µs, ns or ISO 8601.

Knows the usual column names (ours, ccxt's, freqtrade's, the exchanges' archives); knows nothing of the store.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet

from strategies.errors import BadInput

_TIME_NAMES: Final = (
    "open_ms", "time_ms", "open_time", "timestamp", "funding_time", "calc_time", "date", "datetime", "time", "unix",
)  # fmt: skip
_VALUE_NAMES: Final = {
    "open": ("open", "o", "open_price"),
    "high": ("high", "h", "high_price"),
    "low": ("low", "l", "low_price"),
    "close": ("close", "c", "close_price"),
    "volume": ("volume", "v", "vol", "base_volume", "volume_base"),
}
_RATE_NAMES: Final = ("funding_rate", "fundingrate", "last_funding_rate", "rate")
_RATE_E8_NAMES: Final = ("rate_e8",)
_ARCHIVE_COLUMNS: Final = ("open_time", "open", "high", "low", "close", "volume")  # Binance's archives without a header
_MS_PER_UNIT_LIMITS: Final = ((1e11, 1e3), (1e14, 1.0), (1e17, 1e-3), (np.inf, 1e-6))  # |value| below -> ms a unit


def read_table(path: Path) -> pa.Table:
    """Return a file's table with names in lower_snake_case.

    Raises:
        BadInput: the file is missing, empty, truncated, or of another kind; the message names it.
    """
    if not path.is_file():
        raise BadInput(f"{path} is not a file; a parquet, feather or CSV file is needed")
    if path.stat().st_size == 0:
        raise BadInput(f"{path} is empty (0 bytes); a parquet, feather or CSV file with candles is needed")
    try:
        table = _read(path)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0][:160]
        raise BadInput(f"{path} cannot be read, it is truncated or not what its name says: {reason}") from error
    if not table.num_rows:
        raise BadInput(f"{path} has no rows (columns: {', '.join(table.column_names)})")
    return table.rename_columns([_snake(name) for name in table.column_names])


def is_funding(table: pa.Table) -> bool:
    """Say whether a table holds funding rates rather than candles."""
    names = set(table.column_names)
    return not names.isdisjoint(_RATE_NAMES + _RATE_E8_NAMES) and "open" not in names


def candles_of(table: pa.Table, path: Path) -> np.ndarray:
    """Return (n, 6) float64 rows in the file's order: open_ms, open, high, low, close, volume.

    Raises:
        BadInput: a column is missing or holds something else than numbers.
    """
    candles = np.empty((table.num_rows, 6), np.float64)
    candles[:, 0] = times_of(table, path)
    for position, (name, spellings) in enumerate(_VALUE_NAMES.items(), start=1):
        candles[:, position] = _numbers(table, path, name, spellings)
    return candles


def funding_of(table: pa.Table, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return (times_ms (n,) int64, rates_e8 (n,) int64) in the file's order."""
    times = times_of(table, path)
    if not set(table.column_names).isdisjoint(_RATE_E8_NAMES):
        rates = _numbers(table, path, "rate_e8", _RATE_E8_NAMES)
    else:
        rates = np.rint(_numbers(table, path, "funding_rate", _RATE_NAMES) * 1e8)
    wrong = ~np.isfinite(times) | ~np.isfinite(rates)
    if wrong.any():
        raise BadInput(
            f"{path}: {wrong.sum()} of {len(wrong)} rows have no time or no rate, the first is row {wrong.argmax() + 1}"
        )
    return times.astype(np.int64), rates.astype(np.int64)


def times_of(table: pa.Table, path: Path) -> np.ndarray:
    """Return (n,) float64 UTC milliseconds (NaN where empty); text and naive times are taken as UTC."""
    name = _find(table, _TIME_NAMES)
    if name is None:
        raise BadInput(
            f"{path} has no time column: found {', '.join(table.column_names)}; "
            f"one of {', '.join(_TIME_NAMES[:7])} is needed"
        )
    column = table.column(name)
    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("ms"))
    if pa.types.is_timestamp(column.type):
        return (
            column.cast(pa.timestamp("ms", tz=column.type.tz), safe=False)
            .cast(pa.int64())
            .to_numpy()
            .astype(np.float64)
        )
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return _as_ms(column.cast(pa.float64(), safe=False).to_numpy())
    return _parsed(column, name, path)


def _read(path: Path) -> pa.Table:
    match path.name.lower().removesuffix(".gz").rpartition(".")[2]:
        case "parquet" | "pq":
            return pa.parquet.ParquetFile(path).read()
        case "feather" | "arrow":
            return pa.feather.read_table(path)
        case "csv" | "txt":
            return _read_csv(path)
    raise BadInput(f"{path} is of unknown kind {path.suffix!r}; .parquet, .feather or .csv (also .csv.gz) is needed")


def _read_csv(path: Path) -> pa.Table:
    with pa.input_stream(path, compression="detect") as stream:
        first_line = stream.read(4096).decode("utf-8-sig").partition("\n")[0]
    cells = first_line.strip().split(",")
    options = pa.csv.ReadOptions(use_threads=False)
    if _is_number(cells[0]) and len(cells) >= len(_ARCHIVE_COLUMNS):
        extra = [f"column_{number}" for number in range(len(_ARCHIVE_COLUMNS) + 1, len(cells) + 1)]
        options = pa.csv.ReadOptions(use_threads=False, column_names=[*_ARCHIVE_COLUMNS, *extra])
    return pa.csv.read_csv(path, read_options=options)


def _numbers(table: pa.Table, path: Path, name: str, spellings: tuple[str, ...]) -> np.ndarray:
    found = _find(table, spellings)
    if found is None:
        raise BadInput(f"{path} has no {name} column: found {', '.join(table.column_names)}")
    try:
        return table.column(found).cast(pa.float64()).to_numpy()
    except pa.ArrowException as error:
        raise BadInput(f"{path}: column {found} holds {str(error)[:120]}; numbers are needed") from error


def _parsed(column: pa.ChunkedArray, name: str, path: Path) -> np.ndarray:
    import pandas  # only for text times: its ISO 8601 parser takes every spelling and offset

    try:
        times = pandas.to_datetime(column.cast(pa.string()).to_pandas(), utc=True, format="ISO8601")
    except (ValueError, pa.ArrowException) as error:
        raise BadInput(
            f"{path}: time column {name} holds {column[0].as_py()!r}; s, ms, µs or ISO 8601 is needed"
        ) from error
    milliseconds = times.to_numpy("datetime64[ms]")
    return np.where(np.isnat(milliseconds), np.nan, milliseconds.astype(np.int64).astype(np.float64))


def _as_ms(values: np.ndarray) -> np.ndarray:
    """Return milliseconds of numbers whose unit shows in their size; each value by itself, as archives change unit."""
    size = np.abs(values)
    ms_per_unit = np.select([size < limit for limit, _ in _MS_PER_UNIT_LIMITS], [ms for _, ms in _MS_PER_UNIT_LIMITS])
    return np.rint(values * np.where(np.isnan(size), np.nan, ms_per_unit))


def _find(table: pa.Table, spellings: tuple[str, ...]) -> str | None:
    return next((name for name in spellings if name in table.column_names), None)


def _snake(name: str) -> str:
    return "_".join(name.strip().lower().split())


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
