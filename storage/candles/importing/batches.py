"""Import batches: what each import did, kept beside the candles so that it can be listed, undone and replaced.

    data/historical/binanceusdm/imports/3f2a91c0.json       files, market, what was taken as what, counts
    data/historical/binanceusdm/imports/3f2a91c0.parquet    every row it touched: added, known before, or what it was

A row belongs to the batch that added it. Deleting a batch hands its rows to a later batch that offered the same ones,
removes the others, and puts back what it had replaced.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from storage.durable import folder_lock, replace_files
from strategies.errors import BadInput, StorageFailed

ADDED, KNOWN, REPLACED = range(3)  # states of a row


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One import or adjustment.

    Attributes:
        id: eight hex digits of its content: the same rows for the same market are the same batch.
        market: "exchange:symbol:timeframe:kind", as series are named; funding: "exchange:symbol:funding:futures".
        content: "candles", "funding" or "adjustment".
        files: names it came from; for an adjustment what was done.
        lines: what was taken as what.
        notes: what was done to the rows.
        made_ms: when.
    """

    id: str
    market: str
    content: str
    files: tuple[str, ...]
    lines: tuple[str, ...]
    notes: tuple[str, ...]
    made_ms: int
    rows: int
    first_ms: int
    last_ms: int

    def document(self) -> dict[str, Any]:
        """Return JSON types."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """The rows of a batch: times (n,) int64, states (n,) uint8, and (n, k) values from before, where replaced."""

    times: np.ndarray
    states: np.ndarray
    before: np.ndarray


def batch_id(market: str, content: str, rows: np.ndarray) -> str:
    """Return the id of rows offered to a market."""
    digest = hashlib.sha256(f"{market}|{content}|".encode())
    digest.update(np.ascontiguousarray(rows, "<f8").tobytes())
    return digest.hexdigest()[:8]


class Batches:
    """The batches of one exchange's folder."""

    def __init__(self, root: Path, exchange: str) -> None:
        self.folder = root / exchange / "imports"

    def all(self, market: str = "") -> list[Batch]:
        """Return the batches, oldest first; of one market when named."""
        found = [self._read(path) for path in sorted(self.folder.glob("*.json"))] if self.folder.is_dir() else []
        return sorted((b for b in found if not market or b.market == market), key=lambda b: (b.made_ms, b.id))

    def find(self, number: str) -> Batch | None:
        """Return a batch by its id or the beginning of it."""
        fitting = [batch for batch in self.all() if batch.id.startswith(number)] if number else []
        if len(fitting) > 1:
            raise BadInput(
                f"batch {number!r} may be {', '.join(batch.id for batch in fitting)}; more digits are needed"
            )
        return fitting[0] if fitting else None

    def touched(self, batch: Batch) -> Touched:
        """Return the rows of a batch."""
        path = self.folder / f"{batch.id}.parquet"
        try:
            table = pq.ParquetFile(path).read(use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise StorageFailed(f"{path} cannot be read: {error}; the batch cannot be undone") from error
        names = [name for name in table.column_names if name not in ("time_ms", "state")]
        before = np.column_stack([table.column(name).to_numpy() for name in names])
        return Touched(times=table.column("time_ms").to_numpy(), states=table.column("state").to_numpy(), before=before)

    def write(self, batch: Batch, touched: Touched) -> None:
        """Store a batch and its rows, both or neither of use without the other: rows first."""
        with folder_lock(self.folder):
            replace_files(
                [
                    (self.folder / f"{batch.id}.parquet", _rows_writer(touched)),
                    (self.folder / f"{batch.id}.json", _text_writer(json.dumps(batch.document(), indent=1))),
                ]
            )

    def remove(self, batch: Batch) -> None:
        """Forget a batch."""
        with folder_lock(self.folder):
            (self.folder / f"{batch.id}.json").unlink(missing_ok=True)
            (self.folder / f"{batch.id}.parquet").unlink(missing_ok=True)

    def _read(self, path: Path) -> Batch:
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            listed = {name: tuple(document[name]) for name in ("files", "lines", "notes")}
            return Batch(**{**document, **listed})
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise StorageFailed(f"{path} is damaged: {error}; remove it, its import can then not be undone") from error


def _rows_writer(touched: Touched) -> Callable[[Path], None]:
    columns = {"time_ms": pa.array(touched.times), "state": pa.array(touched.states)}
    replaced = touched.states == REPLACED  # of other rows nothing came before; one value for all packs to nothing
    columns |= {
        f"before_{place}": pa.array(np.where(replaced, values, 0.0)) if replaced.any() else _zeros(len(values))
        for place, values in enumerate(touched.before.T)
    }
    table = pa.table(columns)
    return lambda path: pq.write_table(table, path, compression="zstd")


def _zeros(rows: int) -> pa.Array:
    return pa.repeat(pa.scalar(0.0), rows)


def _text_writer(text: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_text(text, encoding="utf-8")

    return write
