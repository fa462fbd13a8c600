"""A series on disk: one folder, one zstd parquet file a UTC month, one time column that ascends.

Used by the candle and the funding store. Knows columns and months, not what they mean.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from storage.durable import remove_staged, replace_files
from strategies.errors import StorageFailed

_MONTH_FILE = re.compile(r"\d{4}-\d{2}\.parquet")
_IDENTITY_KEY = b"sigma.series"

Columns = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What a series holds: rows, first and last time (None when empty)."""

    rows: int
    first_ms: int | None
    last_ms: int | None


def month_of(time_ms: int) -> str:
    """Return the UTC month of a time as "2024-06"."""
    return str(np.datetime64(int(time_ms), "ms").astype("datetime64[M]"))


class MonthlySeries:
    """The monthly files of one series.

    Args:
        folder: where its files lie; need not exist.
        schema: columns of every file; the first is the time column (int64 ms).
        identity: written into every file; a file that bears another one is refused.
        names: what the codes of the string columns mean. Files hold the names; arrays hold uint8 positions among them.
    """

    def __init__(self, folder: Path, schema: pa.Schema, identity: str, names: Sequence[str] = ()) -> None:
        self.folder = folder
        self.identity = identity
        self._names = tuple(names)
        self._coded = [field.name for field in schema if pa.types.is_string(field.type)]
        self._schema = schema.with_metadata({_IDENTITY_KEY: identity.encode()})
        self._time = schema.names[0]

    def files(self, start_ms: int | None = None, end_ms: int | None = None) -> list[Path]:
        """Return the files of the months that [start_ms, end_ms) touches, ascending."""
        if not self.folder.is_dir():
            return []
        first = "" if start_ms is None else month_of(start_ms)
        last = "9999-99" if end_ms is None else month_of(end_ms - 1)
        return sorted(
            path for path in self.folder.iterdir() if _MONTH_FILE.fullmatch(path.name) and first <= path.stem <= last
        )

    def read(self, start_ms: int | None = None, end_ms: int | None = None, *, strict: bool = True) -> Columns:
        """Return the rows with start_ms <= time < end_ms.

        Args:
            start_ms: first time wanted; None: from the beginning.
            end_ms: first time not wanted; None: to the end.
            strict: refuse rows that do not ascend. The data check reads with False, to show what is wrong.

        Raises:
            StorageFailed: a file is damaged, foreign, or its rows do not ascend.
        """
        columns = [self.read_file(path) for path in self.files(start_ms, end_ms)]
        joined = {
            name: np.concatenate([part[name] for part in columns]) if columns else _empty(self._schema.field(name).type)
            for name in self._schema.names
        }
        times = joined[self._time]
        if strict:
            self._require_ascending(times)
            rows = slice(
                0 if start_ms is None else int(np.searchsorted(times, start_ms)),
                len(times) if end_ms is None else int(np.searchsorted(times, end_ms)),
            )
            return {name: values[rows] for name, values in joined.items()}
        kept = np.ones(len(times), bool)
        kept &= True if start_ms is None else times >= start_ms
        kept &= True if end_ms is None else times < end_ms
        return {name: values[kept] for name, values in joined.items()}

    def read_months(self, first_ms: int, last_ms: int) -> Columns:
        """Return all rows of the months from that of `first_ms` to that of `last_ms`."""
        start = np.datetime64(month_of(first_ms), "ms").astype(np.int64)
        end = (np.datetime64(month_of(last_ms), "M") + 1).astype("datetime64[ms]").astype(np.int64)
        return self.read(int(start), int(end))

    def read_file(self, path: Path) -> Columns:
        """Return one month's columns; StorageFailed names the file when it is damaged or foreign."""
        try:
            with pq.ParquetFile(path) as file:
                table = file.read(use_threads=False)
        except (pa.ArrowException, OSError) as error:
            reason = "it is empty" if path.stat().st_size == 0 else "it is truncated or not parquet"
            raise StorageFailed(f"{path} cannot be read: {reason}; remove it and download or import again") from error
        self._require_own(path, table)
        return {name: self._array(path, table.column(name)) for name in table.column_names}

    def _require_own(self, path: Path, table: pa.Table) -> None:
        found = (table.schema.metadata or {}).get(_IDENTITY_KEY, self.identity.encode()).decode()
        if found != self.identity:
            raise StorageFailed(f"{path} belongs to {found}; {self.identity} is needed here")
        columns = [(field.name, _plain(field.type)) for field in table.schema]
        if columns != [(field.name, field.type) for field in self._schema]:
            listed = ", ".join(f"{name} {kind}" for name, kind in columns)
            needed = ", ".join(f"{field.name} {field.type}" for field in self._schema)
            raise StorageFailed(f"{path} is not a file of this store: found columns {listed}; needed {needed}")
        if any(column.null_count for column in table.columns):
            raise StorageFailed(f"{path} has empty values; every column needs a value in every row")

    def _array(self, path: Path, column: pa.ChunkedArray) -> np.ndarray:
        if pa.types.is_string(column.type):
            column = column.dictionary_encode()
        if not pa.types.is_dictionary(column.type):
            found: np.ndarray = column.to_numpy()
            return found
        chunk = column.unify_dictionaries().combine_chunks()
        words = chunk.dictionary.to_pylist()
        unknown = set(words) - set(self._names)
        if unknown:
            raise StorageFailed(f"{path} says {min(unknown)!r}; one of {', '.join(self._names)} is needed")
        indices: np.ndarray = np.array([self._names.index(word) for word in words], np.uint8)[chunk.indices.to_numpy()]
        return indices

    def write(self, columns: Columns) -> None:
        """Replace the months that these rows cover by exactly these rows. Call it under the folder's lock."""
        times = columns[self._time]
        self._require_ascending(times)
        months = times.astype("datetime64[ms]").astype("datetime64[M]")
        starts = np.flatnonzero(np.r_[True, months[1:] != months[:-1]]) if len(times) else np.empty(0, np.int64)
        pieces = []
        for start, end in zip(starts, np.r_[starts[1:], len(times)], strict=True):
            rows = {name: values[start:end] for name, values in columns.items()}
            pieces.append((self.folder / f"{months[start]}.parquet", self._writer(rows)))
        remove_staged(self.folder)
        replace_files(pieces)

    def rewrite(self, columns: Columns) -> None:
        """Replace the whole series by exactly these rows; months without rows lose their file. Under the lock."""
        if len(columns[self._time]):
            self.write(columns)
        months = columns[self._time].astype("datetime64[ms]").astype("datetime64[M]")
        kept = {str(month) for month in np.unique(months)}
        for path in self.files():
            if path.stem not in kept:
                path.unlink()

    def span(self) -> Span:
        """Return rows and limits, from the files' footers and the two outermost months."""
        files = self.files()
        rows = sum(self._rows(path) for path in files)
        if not rows:
            return Span(rows=0, first_ms=None, last_ms=None)
        first, last = self.read_file(files[0])[self._time], self.read_file(files[-1])[self._time]
        return Span(rows=rows, first_ms=int(first[0]), last_ms=int(last[-1]))

    def _rows(self, path: Path) -> int:
        try:
            found: int = pq.ParquetFile(path).metadata.num_rows
            return found
        except (pa.ArrowException, OSError):
            return len(self.read_file(path)[self._time])

    def _writer(self, rows: Mapping[str, np.ndarray]) -> Callable[[Path], None]:
        arrays = [self._column(name, rows[name]) for name in self._schema.names]
        table = pa.Table.from_arrays(arrays, names=self._schema.names).replace_schema_metadata(self._schema.metadata)
        return lambda path: pq.write_table(table, path, compression="zstd", use_dictionary=self._coded)

    def _column(self, name: str, values: np.ndarray) -> pa.Array:
        if name in self._coded:
            return pa.DictionaryArray.from_arrays(pa.array(values), pa.array(self._names))
        return pa.array(values)

    def _require_ascending(self, times: np.ndarray) -> None:
        wrong = np.flatnonzero(np.diff(times) <= 0)
        if len(wrong):
            at = np.datetime64(int(times[wrong[0] + 1]), "ms")
            raise StorageFailed(
                f"{self.folder}: times do not ascend at {at} ({len(wrong)} places); see `sigma data check`"
            )


def _empty(kind: pa.DataType) -> np.ndarray:
    return np.empty(0, np.uint8 if pa.types.is_string(kind) else kind.to_pandas_dtype())


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind
