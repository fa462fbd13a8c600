"""Text dialect: what separates cells and fractions, and which lines are banner, header and rows."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass
from typing import Final

from storage.candles.importing.numbers import EMPTY, decimal_of, is_number
from storage.candles.importing.pairs import is_pair
from storage.candles.importing.sheet import Options
from strategies.errors import BadInput

_MOST_LINES: Final = 250  # that teach the dialect
_FEWEST_CELLS: Final = 5  # a time and four prices
_DELIMITERS: Final = ("\t", ";", "|", ",")
_TIME_START: Final = re.compile(r"^\s*\"?\d{1,4}[-./]?\d{1,2}[-./]?\d")
_MONTH_START: Final = re.compile(r"^(\d{1,2}[ -])?(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[ -]", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What was learnt from the first lines."""

    delimiter: str
    decimal: str
    header: tuple[str, ...] | None
    skipped: int  # lines before the rows
    banner: int  # of them, those that are no header
    tickers: tuple[str, ...] = ()  # a market for each column, where a header line names them


def dialect_of(lines: list[str], name: str, options: Options) -> Dialect:
    """Return the dialect of a sample of lines; BadInput when no table can be seen in it."""
    filled = [(number, line) for number, line in enumerate(lines) if line.strip()]
    if not filled:
        raise BadInput(f"{name} is empty; a file with candles is needed")
    delimiter = _delimiter([line for _, line in filled])
    if delimiter is None:
        raise BadInput(f"{name} is no table of candles: its first line is {filled[0][1].strip()[:80]!r}")
    cells = [(number, cells_of(line, delimiter)) for number, line in filled[:_MOST_LINES]]
    first = next((place for place, (_, row) in enumerate(cells) if is_row(row)), None)
    heads = [row for _, row in cells[: len(cells) if first is None else first]]
    banner = [row for row in heads if not _is_header(row)]
    heads = [row for row in heads if _is_header(row)]
    body = [row for _, row in cells[first or 0 :]] if first is not None else []
    doubtful = delimiter != "," or any('"' in line for _, line in filled[:200])  # else no cell holds a comma
    texts = [cell for row in body[:200] for cell in row[1:] if is_number(cell)] if doubtful else []
    decimal = decimal_of(texts, name, options.decimal) if delimiter != "," or any("," in t for t in texts) else "."
    skipped = cells[first][0] if first is not None else len(lines)
    header, tickers = _joined(heads)
    return Dialect(
        delimiter=delimiter, decimal=decimal, header=header, skipped=skipped, banner=len(banner), tickers=tickers
    )


def _delimiter(lines: list[str]) -> str | None:
    """Return what separates the cells: the sign with one count of at least five cells in most lines."""
    sample = lines[:_MOST_LINES]
    best, share = None, 0.6
    for delimiter in _DELIMITERS:
        counts = Counter(len(cells_of(line, delimiter)) for line in sample)
        width, times = max(counts.items(), key=lambda item: (item[0] >= _FEWEST_CELLS, item[1]))
        if width >= _FEWEST_CELLS and times / len(sample) > share:
            return delimiter
    if all(len(line.split()) >= _FEWEST_CELLS for line in sample):
        best = " "
    if best is None and len(sample) <= 3:  # a header without rows, or one row
        best = next((sign for sign in _DELIMITERS if len(cells_of(sample[-1], sign)) >= _FEWEST_CELLS), None)
    return best or next((sign for sign in _DELIMITERS if all(len(cells_of(line, sign)) >= 3 for line in sample)), None)


def cells_of(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line, trimmed."""
    if delimiter == " ":
        return line.split()
    if '"' in line:
        line = next(csv.reader([line], delimiter=delimiter), [])  # type: ignore[assignment]
        return [cell.strip() for cell in line]
    return [cell.strip() for cell in line.split(delimiter)]


def is_row(cells: list[str]) -> bool:
    """Whether a line is data: it has numbers, and its first cells read like a time or a number."""
    filled = [cell for cell in cells if cell not in EMPTY]
    figures = sum(is_number(cell) for cell in filled)
    begins = any(_TIME_START.match(cell) or _MONTH_START.match(cell) or is_number(cell) for cell in filled[:3])
    is_empty_bar = len(filled) == 1 and len(cells) >= _FEWEST_CELLS
    return len(cells) >= 3 and (figures >= 2 or is_empty_bar) and begins


def _is_header(cells: list[str]) -> bool:
    return len(cells) >= 3 and not cells[0].startswith(("#", "//")) and not cells[0].lower().startswith("http")


def _joined(heads: list[list[str]]) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """Return one name a column of one to three header lines, and the markets that one of them names."""
    if not heads:
        return None, ()
    tickers = next((row for row in heads if row[0].lower() in ("ticker", "symbol") and _is_of_pairs(row[1:])), None)
    rows = [row for row in heads if row is not tickers]
    if not rows:
        return tuple(heads[0]), ()
    names = list(rows[0])
    for row in rows[1:]:
        if row[0] and not any(row[1:]):
            names[0] = row[0]
    return tuple(names), ("", *tickers[1:]) if tickers else ()


def _is_of_pairs(cells: list[str]) -> bool:
    return any(cells) and all(is_pair(cell) for cell in cells if cell)
