"""Parquet, feather, HDF5 and JSON as sheets."""

from __future__ import annotations

import importlib.util
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet

from storage.candles.importing.content import Content, contents
from storage.candles.importing.delimited import read_delimited
from storage.candles.importing.sheet import Options, Sheet
from strategies.errors import BadInput


def sheets(path: Path, options: Options) -> list[Sheet]:
    """Return every table of a file.

    Raises:
        BadInput: it cannot be read; the message names the file.
    """
    return [sheet for content in contents(path) for sheet in _sheets(content, options)]


def _sheets(content: Content, options: Options) -> list[Sheet]:
    match content.kind:
        case "csv":
            return [read_delimited(content.data, content.name, options)]
        case "json":
            return [_json(content)]
        case "hdf5":
            return _hdf5(content)
        case _:
            return [_arrow(content)]


def _arrow(content: Content) -> Sheet:
    try:
        if content.kind == "parquet":
            table = pyarrow.parquet.ParquetFile(io.BytesIO(content.data)).read(use_threads=False)
        else:
            table = pyarrow.feather.read_table(io.BytesIO(content.data), use_threads=False)
        table.validate(full=True)  # offsets and letters of texts: what is wrong there is met by whoever reads them
        _ = table.column_names
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0][:160]
        raise BadInput(f"{content.name} cannot be read, it is truncated or damaged: {reason}") from error
    return _sheet(content.name, table, content.kind)


def _json(content: Content) -> Sheet:
    try:
        found: Any = json.loads(content.data)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{content.name} cannot be read, it is truncated or not JSON: {error}") from error
    rows = _rows(found)
    if not rows:
        raise BadInput(f"{content.name} holds no list of candles")
    if isinstance(rows[0], dict):
        names = [str(name) for name in rows[0]]
        columns = {name: [row.get(name) if isinstance(row, dict) else None for row in rows] for name in names}
    else:
        widths = {len(row) if isinstance(row, list) else 0 for row in rows}
        if len(widths) != 1 or min(widths) < 5:
            raise BadInput(f"{content.name}: rows have {sorted(widths)} values; a time, four prices and a volume each")
        columns = {str(place + 1): [row[place] for row in rows] for place in range(widths.pop())}
    arrays = {name: _array(values, content.name) for name, values in columns.items()}
    return Sheet(name=content.name, columns=arrays, has_header=isinstance(rows[0], dict), layout="JSON")


def _rows(found: Any) -> list[Any]:
    """Return the first list of lists or objects in a document: bare, or under data, result, candles, ….."""
    if isinstance(found, list):
        return found if found and isinstance(found[0], list | dict) else []
    if isinstance(found, dict):
        for value in found.values():
            if rows := _rows(value):
                return rows
    return []


def _array(values: list[Any], name: str) -> pa.ChunkedArray:
    try:
        return pa.chunked_array([pa.array(values)])
    except (pa.ArrowException, OverflowError):
        pass
    try:
        return pa.chunked_array([pa.array([None if value is None else float(value) for value in values])])
    except (TypeError, ValueError) as error:
        raise BadInput(f"{name}: a column mixes numbers and text: {error}") from error


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
    if not table.num_rows:
        raise BadInput(f"{name} has no rows (columns: {', '.join(table.column_names)})")
    return Sheet(
        name=name,
        columns=dict(zip(table.column_names, table.columns, strict=True)),
        has_header=True,
        layout=layout,
    )
