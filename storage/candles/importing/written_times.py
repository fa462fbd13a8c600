"""Times written as text: what is around them is taken off first, then one format must fit every row."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from storage.candles.importing.numbers import is_number
from strategies.errors import BadInput

_DATES: Final = {
    "ymd": ("%Y-%m-%d", "%Y.%m.%d", "%Y/%m/%d", "%Y%m%d"),
    "dmy": ("%d.%m.%Y", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%y", "%d/%m/%y"),
    "mdy": ("%m/%d/%Y", "%m-%d-%Y", "%m/%d/%y", "%m.%d.%Y"),
    "words": (
        "%b %d, %Y", "%B %d, %Y", "%d %b %Y", "%d-%b-%Y", "%d %B %Y", "%d-%b-%y", "%b %d %Y", "%B %d %Y", "%Y-%b-%d",
    ),
}  # fmt: skip
_CLOCKS: Final = (
    "", " %H:%M:%S", " %H:%M", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", " %I-%p", " %H%M%S", " %H%M", " %I %p",
    "T%H:%M:%S", "T%H:%M", "T%H:%M:%S.%f", "T%H%M%S", "T%H%M", " %I:%M%p", "%H%M%S", "%H%M", " %H", ", %H:%M:%S",
    ", %H:%M", ", %I:%M %p", ", %I:%M:%S %p",
)  # fmt: skip
_PLAIN_ISO: Final = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M")
_DRESS: Final = (  # what is around a time: a weekday, a zone in words, the half of a day with dots, too many digits
    (r"^(?i:(mon|tue|wed|thu|fri|sat|sun)[a-z]*),?\s+", ""),
    (r"\s*\([^)]*\)$", ""),
    (r"\s*(?i:GMT|UTC)\s*([+-]\d)", r"\1"),
    (r"([+-]\d\d:?\d\d)\s*(?i:UTC|GMT|Z)$", r"\1"),
    (r"(?i:([ap])\.\s?m\.?)", r"\1m"),
    (r"(:\d\d\.\d{6})\d+", r"\1"),
    (r"\s+", " "),
)
_ISO: Final = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d)?)?")
_OFFSET: Final = r"^(?P<bare>.*?)\s?(?P<offset>Z|z|UTC|GMT|utc|gmt|[+-]\d{2}:?\d{2}|[+-]\d{2})$"
_CLOCKED: Final = r"\d{1,2}:\d{2}|T\d{4}|^\d{8}T"
_ZONE_WORD: Final = re.compile(r"\s([A-Z]{2,5})$")
_HALVES: Final = ("AM", "PM")
_WIDTHS: Final = {"Y": r"\d{4}", "f": r"\d{1,6}", "b": r"\S+", "B": r"\S+", "p": r"\S+"}  # others: two digits


def from_text(column: pa.ChunkedArray, name: str, dates: str, zone_given: bool) -> tuple[np.ndarray, str, bool]:
    """Return (n,) UTC ms, NaN where empty, how they were read, and whether they are a wall clock of somewhere.

    Raises:
        BadInput: no format fits every row, offsets stand in some rows only, or day and month are in doubt.
    """
    first = _first(column)
    if _ISO.fullmatch(first) and (ms := read_format(column, _PLAIN_ISO[0])) is not None:
        return ms, f"{first!r}", True
    for pattern, by in _DRESS:
        column = pc.replace_substring_regex(column, pattern, by)
    column, offset_ms = _without_offsets(column, name)
    word = _ZONE_WORD.search(_first(column))
    if word and word[1] not in _HALVES:
        _require_zone(word[1], first, name, zone_given)
        column = pc.replace_substring_regex(column, r"\s[A-Z]{2,5}$", "")
    found = _formats(column, _first(column), dates)
    if not found:
        odd = _odd_one(column, first)
        raise BadInput(f"{name} holds {odd!r}; unix s, ms, µs, ns, ISO 8601 or a usual date is needed")
    if len(found) > 1 and "dmy" in found and "mdy" in found:
        found = _more_regular(found)
        if len(found) > 1:
            raise BadInput(f"{name} holds {first!r}, which may be day/month or month/day; --dates dmy or --dates mdy")
    order, ms = next(iter(found.items()))
    words = {"dmy": ", day first", "mdy": ", month first"}.get(order, "")
    if offset_ms is None:
        return ms, f"{first!r}{words}", True
    return ms - offset_ms, f"{first!r}{words}, {'offsets honoured' if offset_ms.any() else 'UTC'}", False


def read_format(column: pa.ChunkedArray, form: str) -> np.ndarray | None:
    """Return UTC ms of text in one format, or None when a cell does not fit."""
    import pandas

    if form in _PLAIN_ISO:
        try:
            return _floats(column.cast(pa.timestamp("ms")).cast(pa.int64()))
        except pa.ArrowInvalid:
            pass
    try:
        read = pandas.to_datetime(column.to_pandas(), format=form)
    except (ValueError, OverflowError):
        return None
    milliseconds = read.to_numpy("datetime64[ms]")
    return np.where(np.isnat(milliseconds), np.nan, milliseconds.astype(np.int64).astype(np.float64))


def _odd_one(column: pa.ChunkedArray, first: str) -> str:
    """Return the cell that is no time: the first, or the first that is no number where the others are."""
    if not is_number(first):
        return first
    return next((cell for cell in column.to_pylist() if cell and not is_number(cell)), first)


def _first(column: pa.ChunkedArray) -> str:
    return next((cell for cell in column.slice(0, 1000).to_pylist() if cell), "")


def _without_offsets(column: pa.ChunkedArray, name: str) -> tuple[pa.ChunkedArray, np.ndarray | None]:
    """Return the text without the offsets behind it, and those in (n,) ms; None where no row has one."""
    letters = pc.match_substring_regex(column, r"(?i)(Z|UTC|GMT)$")
    numbered = pc.and_(
        pc.match_substring_regex(column, r"[+-]\d{2}(:?\d{2})?$"),
        pc.match_substring_regex(column, f"({_CLOCKED}).*[+-]"),
    )
    has = pc.or_(letters, numbered)
    if not pc.any(has).as_py():
        return column, None
    if not pc.all(has).as_py():
        odd = column.filter(pc.invert(pc.fill_null(has, fill_value=True)))
        raise BadInput(
            f"{name}: some times have an offset and others none, as {odd[0].as_py()!r}; all must have one, or none"
        )
    parts = pc.extract_regex(column, _OFFSET)
    offsets = pc.struct_field(parts, "offset").combine_chunks().dictionary_encode()
    each = np.array([_offset_ms(word) for word in offsets.dictionary.to_pylist()], np.float64)
    codes = np.asarray(offsets.indices.fill_null(0).to_numpy(zero_copy_only=False), np.int64)
    return pc.struct_field(parts, "bare"), each[codes]


def _offset_ms(word: str | None) -> float:
    if not word or word[0] not in "+-":
        return 0.0
    digits = word[1:].replace(":", "")
    minutes = int(digits[:2]) * 60 + int(digits[2:] or 0)
    return (-1 if word[0] == "-" else 1) * minutes * 60_000


def _require_zone(word: str, first: str, name: str, zone_given: bool) -> None:
    if not zone_given:
        raise BadInput(
            f"{name} holds {first!r}: {word!r} names more than one clock; --timezone America/New_York (or whose it is) "
            "says it"
        )


def _formats(column: pa.ChunkedArray, example: str, dates: str) -> dict[str, np.ndarray]:
    """Return the readings of a column by order of day and month; only one where no doubt is left."""
    from datetime import datetime

    found: dict[str, np.ndarray] = {}
    for order, days in _DATES.items():
        if dates and order in ("dmy", "mdy") and order != dates:
            continue
        for form in (day + clock for day in days for clock in _CLOCKS):
            if not _shape(form).fullmatch(example):
                continue
            try:
                datetime.strptime(example, form)
            except ValueError:
                continue
            read = read_format(column, form)
            if read is not None:
                found[order] = read
                break
        if order == "ymd" and found:
            return found
    if "dmy" in found and "." in example.split(" ")[0]:  # dots are written day first
        found.pop("mdy", None)
    return found


@cache
def _shape(form: str) -> re.Pattern[str]:
    """Return what every text of a format looks like: hundreds of formats are tried, and `strptime` keeps five."""
    parts = re.findall("%(.)|( +)|([^% ]+)", form)
    pieces = [
        _WIDTHS.get(name, r"[ \d]?\d") if name else r"\s+" if space else re.escape(rest) for name, space, rest in parts
    ]
    return re.compile("".join(pieces), re.IGNORECASE)


def _more_regular(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the readings whose steps are most alike: the wrong order of day and month makes months of days."""
    shares = {}
    for order, ms in found.items():
        steps = np.abs(np.diff(ms[np.isfinite(ms)]))
        shares[order] = np.unique(steps, return_counts=True)[1].max() / len(steps) if len(steps) else 1.0
    best = max(shares.values())
    return {order: ms for order, ms in found.items() if shares[order] >= best - 1e-9}


def _floats(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), np.float64)
