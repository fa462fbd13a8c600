"""Delimited text as a sheet: banner, header rows, delimiter, decimal sign, repeated headers, a cut last line.

Reads a sample to learn the dialect, tidies the bytes, and lets Arrow read the rows.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.csv

from storage.candles.importing.columns import named_roles, needed
from storage.candles.importing.headerless import data_roles
from storage.candles.importing.numbers import EMPTY, decimal_of, is_number
from storage.candles.importing.sheet import Options, Sheet
from strategies.errors import BadInput

_SAMPLE_BYTES: Final = 1 << 16
_LARGE_BYTES: Final = 1 << 22  # from here on only the columns that matter are parsed
_FEWEST_CELLS: Final = 5  # a time and four prices
_DELIMITERS: Final = ("\t", ";", "|", ",")
_NAMES: Final = {"\t": "tabs", ";": "semicolons", "|": "bars", ",": "commas", " ": "spaces"}
_TIME_START: Final = re.compile(r"^\s*\"?\d{1,4}[-./]?\d{1,2}[-./]?\d")
_MONTH_START: Final = re.compile(r"^(\d{1,2}[ -])?(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[ -]", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dialect:
    delimiter: str
    decimal: str
    header: tuple[str, ...] | None
    skipped: int  # lines before the rows
    banner: int  # of them, those that are no header
    ticker: str = ""


def read_delimited(data: bytes, name: str, options: Options) -> Sheet:
    """Return the sheet of a text file.

    Raises:
        BadInput: it has no rows, or no table can be seen in it.
    """
    data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in data else data
    lines = data[:_SAMPLE_BYTES].decode("utf-8", errors="replace").split("\n")
    lines = lines if len(data) <= _SAMPLE_BYTES else lines[:-1]
    dialect = _dialect(lines, name, options)
    notes: list[str] = []
    body = _tidied(_without_lines(data, dialect.skipped), lines, dialect, notes)
    if dialect.banner:
        notes.append(f"skipped {dialect.banner} line{'s' * (dialect.banner > 1)} before the header")
    width = len(dialect.header) if dialect.header is not None else _width(body, dialect.delimiter)
    body = _without_cut_end(body, dialect.delimiter, width, notes)
    if not body.strip():
        raise BadInput(f"{name} has no rows (columns: {', '.join(dialect.header or ())})")
    titles = list(dialect.header or [str(number) for number in range(1, width + 1)])
    wanted = _wanted(body, dialect, titles, name, options) if len(body) > _LARGE_BYTES else None
    table = _table(body, dialect, width, name, wanted)
    return _sheet(dialect, _named(titles, table, width, name), name, tuple(notes))


def _sheet(dialect: _Dialect, columns: dict[str, pa.ChunkedArray], name: str, notes: tuple[str, ...] = ()) -> Sheet:
    decimals = ", decimal comma" if dialect.decimal == "," else ""
    header = "no header" if dialect.header is None else "header"
    return Sheet(
        name=name,
        columns=columns,
        has_header=dialect.header is not None,
        layout=f"{_NAMES[dialect.delimiter]}{decimals}, {header}",
        ticker=dialect.ticker,
        notes=notes,
    )


def _wanted(body: bytes, dialect: _Dialect, titles: list[str], name: str, options: Options) -> list[str] | None:
    """Return the places of the columns that matter in a large file, learnt from its beginning; None: all."""
    start = body[: body.rfind(b"\n", 0, _SAMPLE_BYTES) + 1]
    table = _table(start, dialect, len(titles), name, None)
    sheet = _sheet(dialect, _named(titles, table, len(titles), name), name)
    try:
        roles = named_roles(sheet, options) if sheet.has_header else data_roles(sheet, dialect.decimal)
    except BadInput:
        return None
    kept = needed(roles)
    if len(set(titles)) < len(titles) or table.num_columns != len(titles):
        return None
    return [str(place) for place, title in enumerate(titles) if title in kept]


def _dialect(lines: list[str], name: str, options: Options) -> _Dialect:
    filled = [(number, line) for number, line in enumerate(lines) if line.strip()]
    if not filled:
        raise BadInput(f"{name} is empty; a file with candles is needed")
    delimiter = _delimiter([line for _, line in filled])
    if delimiter is None:
        raise BadInput(f"{name} is no table of candles: its first line is {filled[0][1].strip()[:80]!r}")
    cells = [(number, _cells(line, delimiter)) for number, line in filled]
    first = next((place for place, (_, row) in enumerate(cells) if _is_row(row)), None)
    heads = [row for _, row in cells[: len(cells) if first is None else first]]
    banner = [row for row in heads if not _is_header(row)]
    heads = [row for row in heads if _is_header(row)]
    body = [row for _, row in cells[first or 0 :]] if first is not None else []
    texts = [cell for row in body[:200] for cell in row[1:] if is_number(cell)]
    decimal = decimal_of(texts, name, options.decimal) if delimiter != "," or any("," in t for t in texts) else "."
    skipped = cells[first][0] if first is not None else len(lines)
    header, ticker = _joined(heads)
    return _Dialect(
        delimiter=delimiter, decimal=decimal, header=header, skipped=skipped, banner=len(banner), ticker=ticker
    )


def _delimiter(lines: list[str]) -> str | None:
    """Return what separates the cells: the sign with one count of at least five cells in most lines."""
    sample = lines[:400]
    best, share = None, 0.6
    for delimiter in _DELIMITERS:
        counts = Counter(len(_cells(line, delimiter)) for line in sample)
        width, times = max(counts.items(), key=lambda item: (item[0] >= _FEWEST_CELLS, item[1]))
        if width >= _FEWEST_CELLS and times / len(sample) > share:
            return delimiter
    if all(len(line.split()) >= _FEWEST_CELLS for line in sample):
        best = " "
    if best is None and len(sample) <= 3:  # a header without rows, or one row
        best = next((sign for sign in _DELIMITERS if len(_cells(sample[-1], sign)) >= _FEWEST_CELLS), None)
    return best or next((sign for sign in _DELIMITERS if all(len(_cells(line, sign)) >= 3 for line in sample)), None)


def _cells(line: str, delimiter: str) -> list[str]:
    if delimiter == " ":
        return line.split()
    if '"' in line:
        line = next(csv.reader([line], delimiter=delimiter), [])  # type: ignore[assignment]
        return [cell.strip() for cell in line]
    return [cell.strip() for cell in line.split(delimiter)]


def _is_row(cells: list[str]) -> bool:
    """Whether a line is data: it has numbers, and its first cells read like a time or a number."""
    filled = [cell for cell in cells if cell not in EMPTY]
    figures = sum(is_number(cell) for cell in filled)
    begins = any(_TIME_START.match(cell) or _MONTH_START.match(cell) or is_number(cell) for cell in filled[:3])
    return len(cells) >= 3 and figures >= 2 and begins


def _is_header(cells: list[str]) -> bool:
    return len(cells) >= 3 and not cells[0].startswith(("#", "//")) and not cells[0].lower().startswith("http")


def _joined(heads: list[list[str]]) -> tuple[tuple[str, ...] | None, str]:
    """Return one name a column of one to three header lines, and a ticker that stands in one of them."""
    if not heads:
        return None, ""
    names, ticker = list(heads[0]), ""
    for row in heads[1:]:
        if row[0].lower() == "ticker":
            tickers = {cell for cell in row[1:] if cell}
            ticker = ",".join(sorted(tickers))
        elif row[0] and not any(row[1:]):
            names[0] = row[0]
    return tuple(names), ticker


def _without_lines(data: bytes, count: int) -> bytes:
    at = 0
    for _ in range(count):
        at = data.find(b"\n", at) + 1
        if at == 0:
            return b""
    return data[at:]


def _tidied(body: bytes, lines: list[str], dialect: _Dialect, notes: list[str]) -> bytes:
    """Return the rows without blank lines, comments and headers that come again; spaces become tabs."""
    if dialect.header is not None:
        same = (line for line in lines if _cells(line, dialect.delimiter)[1:3] == list(dialect.header[1:3]))
        head = next(same, "").encode()
        if head and (again := body.count(b"\n" + head + b"\n")):
            body = body.replace(b"\n" + head + b"\n", b"\n")
            notes.append(f"left out {again} repeated header{'s' * (again > 1)}")
    elif any(word in body for word in (b"open", b"Open", b"OPEN")) and (
        match := re.search(rb"^[A-Za-z_]+[^\n]*open[^\n]*\n", body, re.IGNORECASE | re.MULTILINE)
    ):
        again = body.count(match[0])
        body = body.replace(match[0], b"")
        notes.append(f"left out {again} header line{'s' * (again > 1)} between the rows")
    if b"\n#" in body:
        body = b"\n".join(line for line in body.split(b"\n") if not line.startswith(b"#"))
        notes.append("left out comment lines")
    if b"\n\n" in body:
        body = re.sub(rb"\n\s*\n+", b"\n", body)
    if dialect.delimiter == " ":
        body = re.sub(rb"[ \t]+", b"\t", re.sub(rb"^[ \t]+", b"", body, flags=re.MULTILINE))
    return body


def _width(body: bytes, delimiter: str) -> int:
    first = body[: body.find(b"\n") if b"\n" in body else len(body)].decode("utf-8", errors="replace")
    return len(_cells(first, "\t" if delimiter == " " else delimiter))


def _without_cut_end(body: bytes, delimiter: str, width: int, notes: list[str]) -> bytes:
    stripped = body.rstrip(b"\n ")
    at = stripped.rfind(b"\n")
    last = stripped[at + 1 :].decode("utf-8", errors="replace")
    found = len(_cells(last, "\t" if delimiter == " " else delimiter))
    if at > 0 and found < width and not body.endswith(b"\n"):
        notes.append(f"left out the last line, cut after {found} of {width} cells")
        return stripped[: at + 1]
    return stripped + b"\n"


def _table(body: bytes, dialect: _Dialect, width: int, name: str, wanted: list[str] | None) -> pa.Table:
    odd: list[pa.csv.InvalidRow] = []

    def on_odd(row: pa.csv.InvalidRow) -> str:
        odd.append(row)
        return "skip"

    delimiter = "\t" if dialect.delimiter == " " else dialect.delimiter
    actual = max(width, _width(body, dialect.delimiter))
    try:
        table = pyarrow.csv.read_csv(
            io.BytesIO(body),
            read_options=pyarrow.csv.ReadOptions(
                use_threads=False, column_names=[str(number) for number in range(actual)], block_size=1 << 24
            ),
            parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, invalid_row_handler=on_odd),
            convert_options=pyarrow.csv.ConvertOptions(
                null_values=list(EMPTY),
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
                timestamp_parsers=[_NEVER],
                column_types=_texts(actual, dialect.decimal),
                include_columns=wanted or [],
            ),
        )
    except pa.ArrowException as error:
        raise BadInput(f"{name} cannot be read as a table: {str(error).splitlines()[0][:160]}") from error
    if odd:
        first = odd[0]
        raise BadInput(
            f"{name}: {len(odd)} lines have another number of cells than {actual}, "
            f"the first has {first.actual_columns}: {str(first.text)[:60]!r}"
        )
    return table


_NEVER: Final = "no column is read as a time here"


def _texts(width: int, decimal: str) -> dict[str, pa.DataType]:
    """With a decimal comma every cell stays text: Arrow would read 1,5 as two."""
    return {str(number): pa.string() for number in range(width)} if decimal == "," else {}


def _named(titles: list[str], table: pa.Table, width: int, name: str) -> dict[str, pa.ChunkedArray]:
    """Return the columns by name; a name that comes twice must hold the same values."""
    found: dict[str, pa.ChunkedArray] = {}
    if table.num_columns == width + 1:  # pandas writes an index without a name
        titles = ["", *titles]
    for place, column in zip(table.column_names, table.columns, strict=True):
        title = titles[int(place)] if int(place) < len(titles) else ""
        if title not in found:
            found[title] = column
        elif title and not found[title].equals(column):
            raise BadInput(f"{name} has two columns {title!r} with different values; one of them must go")
    return found
