"""Every kind of file as sheets; parquet, feather, HDF5 and NumPy are read here."""

from __future__ import annotations

import importlib.util
import io
import re
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.feather
import pyarrow.ipc
import pyarrow.parquet

from storage.candles.importing.content import Content, contents
from storage.candles.importing.delimited import read_delimited
from storage.candles.importing.json_tables import json_sheets
from storage.candles.importing.pairs import is_pair
from storage.candles.importing.sheet import Options, Sheet
from strategies.errors import BadInput

_OF_MARKET: Final = re.compile(r"\('([^']+)', '([^']*)'\)")  # a column of pandas with two header rows, as parquet


def sheets(path: Path, options: Options) -> list[Sheet]:
    """Return every table of a file.

    Raises:
        BadInput: it cannot be read; the message names the file.
    """
    return [sheet for content in contents(path) for sheet in _sheets(content, options)]


def _sheets(content: Content, options: Options) -> list[Sheet]:
    match content.kind:
        case "csv":
            return read_delimited(content.data, content.name, options)
        case "json":
            return json_sheets(content.data, content.name)
        case "npy":
            return [_numpy(content)]
        case "hdf5":
            return _hdf5(content)
        case _:
            return [_arrow(content)]


def _arrow(content: Content) -> Sheet:
    try:
        if content.kind == "parquet":
            table = pyarrow.parquet.ParquetFile(io.BytesIO(content.data)).read(use_threads=False)
        elif content.kind == "arrow stream":
            table = pa.ipc.open_stream(content.data).read_all()
        else:
            table = pyarrow.feather.read_table(io.BytesIO(content.data), use_threads=False)
        table.validate(full=True)  # offsets and letters of texts: what is wrong there is met by whoever reads them
        _ = table.column_names, [_zone(part.type) for part in table.schema]  # bytes until somebody reads them
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0][:160]
        raise BadInput(f"{content.name} cannot be read, it is truncated or damaged: {reason}") from error
    return _sheet(content.name, table, content.kind)


def _zone(kind: pa.DataType) -> str | None:
    zone: str | None = getattr(kind.value_type if pa.types.is_dictionary(kind) else kind, "tz", None)
    return zone


def _numpy(content: Content) -> Sheet:
    import numpy as np

    try:
        found = np.load(io.BytesIO(content.data), allow_pickle=False)
        values = np.asarray(found, np.float64)
    except (ValueError, OSError, TypeError) as error:
        raise BadInput(f"{content.name} cannot be read as a NumPy array of numbers: {error}") from error
    if values.ndim != 2 or not len(values):
        raise BadInput(
            f"{content.name} holds an array of {values.shape}; rows of a time, four prices and a volume are needed"
        )
    columns = {str(place + 1): pa.chunked_array([pa.array(column)]) for place, column in enumerate(values.T)}
    return Sheet(name=content.name, columns=columns, has_header=False, layout="NumPy")


def _hdf5(content: Content) -> list[Sheet]:
    if importlib.util.find_spec("tables") is None:
        raise BadInput(f"{content.name} is HDF5; pip install tables reads it, or export feather")
    import pandas

    try:
        with pandas.HDFStore(content.path, mode="r") as store:
            frames = {key: store.get(key) for key in store.keys()}  # noqa: SIM118 - a store is no dict
    except Exception as error:  # whatever a damaged file makes pandas and PyTables raise
        raise BadInput(f"{content.name} cannot be read as HDF5: {str(error).splitlines()[0][:120]}") from error
    found = []
    for key, frame in frames.items():
        if frame.index.name or str(frame.index.dtype).startswith("datetime"):
            frame = frame.reset_index()
        table = pa.Table.from_pandas(frame, preserve_index=False)
        found.append(_sheet(f"{content.name}{key if len(frames) > 1 else ''}", table, "HDF5"))
    if not found:
        raise BadInput(f"{content.name} holds no table")
    return found


def _sheet(name: str, table: pa.Table, layout: str) -> Sheet:
    if not table.num_columns:
        raise BadInput(f"{name} has no columns; a table of candles is needed")
    if not table.num_rows:
        raise BadInput(f"{name} has no rows (columns: {', '.join(table.column_names)})")
    columns = dict(zip(table.column_names, table.columns, strict=True))
    pairs = {title: match for title in columns if (match := _OF_MARKET.fullmatch(title))}
    markets = sorted({match[2] for match in pairs.values() if match[2]})
    if len(markets) > 1:
        raise BadInput(f"{name} holds columns of {len(markets)} markets, {', '.join(markets[:6])}; write one a file")
    columns = {pairs[title][1] if title in pairs else title: column for title, column in columns.items()}
    ticker = markets[0] if markets and is_pair(markets[0]) else ""
    return Sheet(name=name, columns=_flat(columns), has_header=True, layout=layout, ticker=ticker)


def _flat(columns: dict[str, pa.ChunkedArray]) -> dict[str, pa.ChunkedArray]:
    """Return the columns with the fields of structs beside the others."""
    made: dict[str, pa.ChunkedArray] = {}
    for name, column in columns.items():
        if not pa.types.is_struct(column.type):
            made[name] = column
            continue
        inner = pa.table({name: column}).flatten()
        for field in inner.column_names:
            short = field.partition(".")[2]
            made[short if short not in columns and short not in made else field] = inner[field]
    return made
