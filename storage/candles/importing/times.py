"""Times as files write them: epochs in any unit, spreadsheet days, ISO, dotted and American dates, day and clock apart.

Every time becomes UTC milliseconds. Text without an offset is UTC unless a zone is given; what was assumed is said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from strategies.errors import BadInput

_MS_PER_UNIT: Final = ((1e11, 1e3, "s"), (1e14, 1.0, "ms"), (1e17, 1e-3, "µs"), (np.inf, 1e-6, "ns"))
_EXCEL_DAYS: Final = (20_000, 80_000)  # 1954 to 2119, counted from 1899-12-30
_EXCEL_EPOCH_DAYS: Final = 25_569
_DAY_MS: Final = 86_400_000
_ZONE: Final = re.compile(r"\s*(UTC|GMT|Z)$")
_OFFSET: Final = re.compile(r"[+-]\d{2}:?\d{2}$|[+-]\d{2}$|Z$")
_DATES: Final = {
    "ymd": ("%Y-%m-%d", "%Y.%m.%d", "%Y/%m/%d", "%Y%m%d"),
    "dmy": ("%d.%m.%Y", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%y", "%d/%m/%y"),
    "mdy": ("%m/%d/%Y", "%m-%d-%Y", "%m/%d/%y", "%m.%d.%Y"),
    "words": ("%b %d, %Y", "%B %d, %Y", "%d %b %Y", "%d-%b-%Y", "%d %B %Y", "%d-%b-%y", "%b %d %Y", "%a %b %d %Y"),
}
_CLOCKS: Final = (
    "", " %H:%M:%S", " %H:%M", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", " %I-%p", " %H%M%S", " %H%M", " %I %p",
    "T%H:%M:%S", "T%H:%M", " %I:%M%p", "%H%M%S", "%H%M", " %H", ", %H:%M:%S", ", %H:%M",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Times of all rows.

    Attributes:
        ms: (n,) float64, UTC unless `is_naive`; NaN where empty.
        said: how they were read: "unix ms", "2024.03.01 00:00, UTC assumed".
        is_naive: text without an offset: a wall clock of somewhere.
    """

    ms: np.ndarray
    said: str
    is_naive: bool = False


def times_of(column: pa.ChunkedArray, name: str, dates: str) -> Times:
    """Return the times of one column.

    Raises:
        BadInput: the values are no times, or may be day-month or month-day; the message names column and value.
    """
    kind = column.type
    if pa.types.is_date(kind):
        column, kind = column.cast(pa.timestamp("ms")), pa.timestamp("ms")
    if pa.types.is_timestamp(kind):
        ms = column.cast(pa.timestamp("ms", tz=kind.tz), safe=False).cast(pa.int64())
        return Times(ms=_floats(ms), said=f"times with zone {kind.tz}" if kind.tz else "times", is_naive=not kind.tz)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        column = pc.utf8_trim_whitespace(column.cast(pa.string()))
        try:
            column = column.cast(pa.float64())
        except pa.ArrowInvalid:
            return _from_text(column, name, dates)
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
        return _from_numbers(_floats(column.cast(pa.float64(), safe=False)), name)
    raise BadInput(f"{name} holds {column.type}; times are needed")


def joined_times(day: pa.ChunkedArray, clock: pa.ChunkedArray, name: str, dates: str) -> Times:
    """Return the times of a column of days and one of times of day."""
    cells = clock.to_pylist()
    width = 6 if any(isinstance(cell, int | float) and cell > 2400 for cell in cells) else 4
    clocks = [_clock_text(cell, width) for cell in cells]
    days = [_day_text(cell) for cell in day.to_pylist()]
    text = [None if d is None or c is None else f"{d} {c}" for d, c in zip(days, clocks, strict=True)]
    return _from_text(pa.chunked_array([pa.array(text, pa.string())]), name, dates)


def localized(times: Times, zone: str, name: str) -> np.ndarray:
    """Return (n,) UTC ms of naive times that are wall clock of an IANA zone.

    Raises:
        BadInput: the zone is unknown, or a time does not exist in it or is two.
    """
    import pandas

    index = pandas.DatetimeIndex(pandas.to_datetime(times.ms, unit="ms"))
    try:
        ordered = index if len(index) < 2 or index[0] <= index[-1] else index[::-1]
        found = ordered.tz_localize(zone, ambiguous="infer", nonexistent="raise")
    except Exception as error:  # zoneinfo and pandas raise a dozen kinds of ValueError and KeyError
        raise BadInput(f"{name}: the times do not fit --timezone {zone}: {str(error)[:100]}") from error
    found = found if ordered is index else found[::-1]
    values: Any = found.tz_convert("UTC").tz_localize(None).to_numpy("datetime64[ms]")
    return values.astype(np.int64).astype(np.float64)


def _from_numbers(values: np.ndarray, name: str) -> Times:
    known = values[np.isfinite(values)]
    if not len(known):
        raise BadInput(f"{name} is empty; times are needed")
    low, high = float(known.min()), float(known.max())
    if _EXCEL_DAYS[0] <= low and high <= _EXCEL_DAYS[1]:
        ms = np.rint((values - _EXCEL_EPOCH_DAYS) * _DAY_MS / 1000) * 1000
        return Times(ms=ms, said="spreadsheet days", is_naive=True)
    for least, most, form in ((19_500_101, 21_000_101, "%Y%m%d"), (195001010000, 210001010000, "%Y%m%d%H%M"),
                              (19500101000000, 21000101000000, "%Y%m%d%H%M%S")):  # fmt: skip
        if least <= low and high <= most and (known == np.rint(known)).all():
            read = _strptime(pa.chunked_array([pa.array([f"{v:.0f}" for v in values])]), form)
            if read is not None:
                return Times(ms=read, said=form, is_naive=True)
    if low < 1e8:
        raise BadInput(f"{name} begins with {values[0]:g}, which is no time; unix s, ms, µs, ns or a date is needed")
    size = np.abs(values)
    scale = np.select([size < limit for limit, _, _ in _MS_PER_UNIT], [ms for _, ms, _ in _MS_PER_UNIT])
    units = [unit for (limit, _, unit), below in zip(_MS_PER_UNIT, (0.0, 1e11, 1e14, 1e17), strict=True)
             if ((known >= below) & (known < limit)).any()]  # fmt: skip
    return Times(ms=np.rint(values * np.where(np.isnan(size), np.nan, scale)), said="unix " + " then ".join(units))


def _from_text(column: pa.ChunkedArray, name: str, dates: str) -> Times:
    first = next((cell for cell in column.slice(0, 1000).to_pylist() if cell), "")
    has_zone = bool(_ZONE.search(first))
    if has_zone:
        column = pc.replace_substring_regex(column, r"\s*(UTC|GMT|Z)$", "")
    elif _OFFSET.search(first) and ":" in first:
        return Times(ms=_with_offsets(column, name), said=f"{first!r}, offsets honoured")
    column = pc.replace_substring_regex(column, r"\s+", " ")
    example = next((cell for cell in column.slice(0, 1000).to_pylist() if cell), "")
    found = _formats(column, example, dates)
    if not found:
        raise BadInput(f"{name} holds {first!r}; unix s, ms, µs, ns, ISO 8601 or a usual date is needed")
    if len(found) > 1 and "dmy" in found and "mdy" in found:
        found = _more_regular(found)
        if len(found) > 1:
            raise BadInput(f"{name} holds {first!r}, which may be day/month or month/day; --dates dmy or --dates mdy")
    order, ms = next(iter(found.items()))
    words = {"dmy": ", day first", "mdy": ", month first"}.get(order, "")
    zone = ", UTC" if has_zone else ""
    return Times(ms=ms, said=f"{first!r}{words}{zone}", is_naive=not has_zone)


def _formats(column: pa.ChunkedArray, example: str, dates: str) -> dict[str, np.ndarray]:
    """Return the readings of a column by order of day and month; only one where no doubt is left."""
    found: dict[str, np.ndarray] = {}
    for order, days in _DATES.items():
        if dates and order in ("dmy", "mdy") and order != dates:
            continue
        for form in (day + clock for day in days for clock in _CLOCKS):
            try:
                datetime.strptime(example, form)
            except ValueError:
                continue
            read = _strptime(column, form)
            if read is not None:
                found[order] = read
                break
        if order == "ymd" and found:
            return found
    if "dmy" in found and "." in example.split(" ")[0]:  # dots are written day first
        found.pop("mdy", None)
    return found


def _more_regular(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the readings whose steps are most alike: the wrong order of day and month makes months of days."""
    shares = {}
    for order, ms in found.items():
        steps = np.abs(np.diff(ms[np.isfinite(ms)]))
        shares[order] = np.unique(steps, return_counts=True)[1].max() / len(steps) if len(steps) else 1.0
    best = max(shares.values())
    return {order: ms for order, ms in found.items() if shares[order] >= best - 1e-9}


def _strptime(column: pa.ChunkedArray, form: str) -> np.ndarray | None:
    """Return UTC ms of text in one format, or None when a cell does not fit."""
    import pandas

    if form in ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"):
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


def _with_offsets(column: pa.ChunkedArray, name: str) -> np.ndarray:
    import pandas

    try:
        read = pandas.to_datetime(column.to_pandas(), utc=True, format="ISO8601")
    except (ValueError, OverflowError) as error:
        raise BadInput(f"{name} holds {column[0].as_py()!r}; ISO 8601 with an offset is needed") from error
    milliseconds = read.dt.tz_localize(None).to_numpy("datetime64[ms]")
    return np.where(np.isnat(milliseconds), np.nan, milliseconds.astype(np.int64).astype(np.float64))


def _floats(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), np.float64)


def _clock_text(cell: object, width: int) -> str | None:
    """Return a time of day as text; 100 is 01:00 in a column of four digits and 00:01:00 in one of six."""
    if cell is None:
        return None
    return f"{int(cell):0{width}d}" if isinstance(cell, int | float) else str(cell)


def _day_text(cell: object) -> str | None:
    if cell is None:
        return None
    return f"{cell:.0f}" if isinstance(cell, int | float) else str(cell)
