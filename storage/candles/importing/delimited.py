"""Delimited text as a sheet: banner, header rows, delimiter, decimal sign, repeated headers, a cut last line.

Reads a sample to learn the dialect, tidies the bytes, and lets Arrow read the rows.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

import pyarrow as pa
import pyarrow.csv

from storage.candles.importing.columns import PRICES, named_roles, needed
from storage.candles.importing.dialect import Dialect, cells_of, dialect_of, is_row
from storage.candles.importing.headerless import data_roles
from storage.candles.importing.numbers import EMPTY, is_number
from storage.candles.importing.sheet import Options, Sheet
from storage.candles.importing.words import plain
from strategies.errors import BadInput

_MOST_FOOTER_LINES: Final = 5
_SAMPLE_BYTES: Final = 1 << 16
_LARGE_BYTES: Final = 1 << 20  # from here on only the columns that matter are parsed
_NAMES: Final = {"\t": "tabs", ";": "semicolons", "|": "pipes", ",": "commas", " ": "spaces"}


def read_delimited(data: bytes, name: str, options: Options) -> list[Sheet]:
    """Return the sheets of a text file: one, or one a market where a header line names several.

    Raises:
        BadInput: it has no rows, or no table can be seen in it.
    """
    data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in data else data
    lines = data[:_SAMPLE_BYTES].decode("utf-8", errors="replace").split("\n")
    lines = lines if len(data) <= _SAMPLE_BYTES else lines[:-1]
    dialect = dialect_of(lines, name, options)
    if straight := _straight(data, dialect, name, options):
        return [straight]
    notes: list[str] = []
    body = _tidied(data[_offset_of_line(data, dialect.skipped) :], lines, dialect, notes)
    if dialect.banner:
        notes.append(f"skipped {dialect.banner} line{'s' * (dialect.banner > 1)} before the header")
    width = len(dialect.header) if dialect.header is not None else _width(body, dialect.delimiter)
    body = _without_footer(_without_cut_end(body, dialect.delimiter, width, notes), dialect.delimiter, notes)
    if not body.strip():
        raise BadInput(f"{name} has no rows (columns: {', '.join(dialect.header or ())})")
    titles = list(dialect.header or [str(number) for number in range(1, width + 1)])
    markets = dict.fromkeys(ticker for ticker in dialect.tickers if ticker)
    if len(markets) > 1:
        return [_of_market(body, dialect, market, name, tuple(notes)) for market in markets]
    table = _table(body, dialect, width, name, None)
    found = _sheet(dialect, _named(titles, table, width, name), name, tuple(notes))
    return [replace(found, titles=frozenset(map(plain, titles)))]


def _straight(data: bytes, dialect: Dialect, name: str, options: Options) -> Sheet | None:
    """Return the sheet of a large file that needs no tidying, read where it lies; None: it does need it.

    A repeated header, a comment, a footer or a cut line shows as an odd number of cells, or as text among numbers.
    """
    start = _offset_of_line(data, dialect.skipped)
    if len(data) - start <= _LARGE_BYTES or dialect.delimiter == " " or len(set(dialect.tickers) - {""}) > 1:
        return None
    sample = data[start : data.rfind(b"\n", start, start + _SAMPLE_BYTES) + 1]
    width = len(dialect.header) if dialect.header is not None else _width(sample, dialect.delimiter)
    titles = list(dialect.header or [str(number) for number in range(1, width + 1)])
    try:
        wanted = _wanted(sample, dialect, titles, name, options)
        expected = _table(sample, dialect, width, name, wanted)
        table = _table(memoryview(data)[start:], dialect, width, name, wanted)
    except BadInput:
        return None
    if (
        table.num_columns != expected.num_columns
        or max(map(int, table.column_names)) >= width
        or any(
            pa.types.is_string(found) and not pa.types.is_string(known)
            for found, known in zip(table.schema.types, expected.schema.types, strict=True)
        )
    ):
        return None
    if dialect.decimal == "." and any(_is_mixed(column) for column in table.columns):
        return None
    banner = (f"skipped {dialect.banner} line{'s' * (dialect.banner > 1)} before the header",) if dialect.banner else ()
    found = _sheet(dialect, _named(titles, table, width, name), name, banner)
    return replace(found, titles=frozenset(map(plain, titles)))


def _is_mixed(column: pa.ChunkedArray) -> bool:
    """Whether a column was read as text although most of its beginning is numbers: a line among them is none."""
    if not pa.types.is_string(column.type):
        return False
    cells = column.slice(0, 200).to_pylist()
    return sum(cell is not None and is_number(cell) for cell in cells) > len(cells) // 2


def _offset_of_line(data: bytes, count: int) -> int:
    at = 0
    for _ in range(count):
        at = data.find(b"\n", at) + 1
        if at == 0:
            return len(data)
    return at


def _of_market(body: bytes, dialect: Dialect, market: str, name: str, notes: tuple[str, ...]) -> Sheet:
    """Return the columns of one market of several that stand side by side."""
    titles = list(dialect.header or ())
    table = _table(body, dialect, len(titles), name, None)
    kept = [place for place, title in enumerate(titles) if _ticker_at(dialect, place) in ("", market)]
    columns = {titles[place]: table.columns[place] for place in kept}
    dialect = replace(dialect, tickers=(market,))
    return _sheet(dialect, columns, name, (*notes, f"took the columns of {market}, one of several markets"))


def _ticker_at(dialect: Dialect, place: int) -> str:
    return dialect.tickers[place] if place < len(dialect.tickers) else ""


def _sheet(dialect: Dialect, columns: dict[str, pa.ChunkedArray], name: str, notes: tuple[str, ...] = ()) -> Sheet:
    decimals = ", decimal comma" if dialect.decimal == "," else ""
    header = "no header" if dialect.header is None else "header"
    return Sheet(
        name=name,
        columns=columns,
        has_header=dialect.header is not None,
        layout=f"{_NAMES[dialect.delimiter]}{decimals}, {header}",
        ticker=next((ticker for ticker in dialect.tickers if ticker), ""),
        notes=notes,
    )


def _wanted(sample: bytes, dialect: Dialect, titles: list[str], name: str, options: Options) -> list[str] | None:
    """Return the places of the columns that matter in a large file, learnt from its beginning; None: all."""
    table = _table(sample, dialect, len(titles), name, None)
    sheet = _sheet(dialect, _named(titles, table, len(titles), name), name)
    try:
        roles = named_roles(sheet, options) if sheet.has_header else data_roles(sheet, dialect.decimal)
    except BadInput:
        return None
    if not set(PRICES) <= set(roles.prices) and not roles.rate:
        return None
    kept = needed(roles)
    if len(set(titles)) < len(titles) or table.num_columns != len(titles):
        return None
    return [str(place) for place, title in enumerate(titles) if title in kept]


def _tidied(body: bytes, lines: list[str], dialect: Dialect, notes: list[str]) -> bytes:
    """Return the rows without blank lines, comments and headers that come again; spaces become tabs."""
    if dialect.header is not None:
        same = (line for line in lines if cells_of(line, dialect.delimiter)[1:3] == list(dialect.header[1:3]))
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
    return len(cells_of(first, "\t" if delimiter == " " else delimiter))


def _without_cut_end(body: bytes, delimiter: str, width: int, notes: list[str]) -> bytes:
    stripped = body.rstrip(b"\n ")
    at = stripped.rfind(b"\n")
    last = stripped[at + 1 :].decode("utf-8", errors="replace")
    found = len(cells_of(last, "\t" if delimiter == " " else delimiter))
    if at > 0 and found < width and not body.endswith(b"\n"):
        notes.append(f"left out the last line, cut after {found} of {width} cells")
        return stripped[: at + 1]
    return stripped + b"\n"


def _without_footer(body: bytes, delimiter: str, notes: list[str]) -> bytes:
    """Return the rows without the words that sellers of data write under them."""
    lines = 0
    while lines < _MOST_FOOTER_LINES:
        at = body.rstrip(b"\n").rfind(b"\n")
        last = body[at + 1 :].decode("utf-8", errors="replace").strip("\n")
        cells = cells_of(last, "\t" if delimiter == " " else delimiter)
        if at <= 0 or len(cells) >= 3 or is_row(cells):
            break
        body, lines = body[: at + 1], lines + 1
    if lines:
        notes.append(f"left out {lines} line{'s' * (lines > 1)} of words under the rows")
    return body


def _table(body: bytes | memoryview, dialect: Dialect, width: int, name: str, wanted: list[str] | None) -> pa.Table:
    odd: list[pa.csv.InvalidRow] = []

    def on_odd(row: pa.csv.InvalidRow) -> str:
        odd.append(row)
        return "skip"

    delimiter = "\t" if dialect.delimiter == " " else dialect.delimiter
    actual = max(width, _width(bytes(body[:_SAMPLE_BYTES]), dialect.delimiter))
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(pa.py_buffer(body)),
            memory_pool=pa.system_memory_pool(),  # Arrow's own touches four times the pages
            read_options=pyarrow.csv.ReadOptions(
                use_threads=False, column_names=[str(number) for number in range(actual)], block_size=1 << 22
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


def _is_empty(column: pa.ChunkedArray) -> bool:
    return bool(column.null_count == len(column))


_NEVER: Final = "no column is read as a time here"


def _texts(width: int, decimal: str) -> dict[str, pa.DataType]:
    """With a decimal comma every cell stays text: Arrow would read 1,5 as two."""
    return {str(number): pa.string() for number in range(width)} if decimal == "," else {}


def _named(titles: list[str], table: pa.Table, width: int, name: str) -> dict[str, pa.ChunkedArray]:
    """Return the columns by name; a name that comes twice must hold the same values."""
    found: dict[str, pa.ChunkedArray] = {}
    empty = [place for place in table.column_names if int(place) >= width and _is_empty(table[place])]
    table = table.drop_columns(empty)
    wide = max((int(place) for place in table.column_names), default=0) + 1
    if wide == width + 1:  # pandas writes an index without a name
        titles = ["", *titles]
    elif wide > width:
        raise BadInput(
            f"{name} has rows of {wide} cells under a header of {width}: a fraction or thousands written with the sign "
            "between the cells?"
        )
    for place, column in zip(table.column_names, table.columns, strict=True):
        title = titles[int(place)] if int(place) < len(titles) else ""
        if title not in found:
            found[title] = column
        elif title and not found[title].equals(column):
            raise BadInput(f"{name} has two columns {title!r} with different values; one of them must go")
    return found
