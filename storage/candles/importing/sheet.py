"""A file's rows before they are understood: columns as they stand, and what was done to read them."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

from storage.candles.importing.words import plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One table of one file.

    Attributes:
        name: of the file, with the member of an archive: "klines.zip/BTCUSDT-1h-2024-03.csv".
        columns: values by name as written; text where the file holds text. Without a header: "1", "2", ….
        has_header: whether the names come from the file.
        layout: how it was read, in words: "csv, ';', decimal comma".
        ticker: a symbol named around the rows (yfinance's second line, a key of JSON), or "".
        notes: what was left out or joined on the way.
        titles: plain names of all columns where only some were read; empty: those of `columns`.
    """

    name: str
    columns: dict[str, pa.ChunkedArray]
    has_header: bool
    layout: str
    ticker: str = ""
    notes: tuple[str, ...] = field(default=())
    titles: frozenset[str] = frozenset()

    def has(self, *names: str) -> bool:
        """Whether the file has these columns, in plain words, also where they were not read."""
        return set(names) <= (self.titles or {plain(name) for name in self.columns})

    @property
    def rows(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a person said about the files; empty: read it off them.

    Attributes:
        columns: role to column name or number ("time", "open", …, "volume"); "volume" may be "none".
        timezone: IANA name for times without an offset.
        keep: which of two rows with one time counts, "first" or "last".
        drop_bad: so many impossible rows may be left out.
        decimal: "point" or "comma".
        dates: "dmy" or "mdy".
        most_missing: share of the bars between first and last that may be absent.
        override_evidence: take the rows although names or columns speak of another market.
    """

    columns: dict[str, str] = field(default_factory=dict)
    timezone: str = ""
    keep: str = ""
    drop_bad: int = 0
    decimal: str = ""
    dates: str = ""
    most_missing: float = 0.3
    override_evidence: bool = False
