"""Times as files write them: epochs in any unit, spreadsheet days, ISO, dotted and American dates, day and clock apart.

Every time becomes UTC milliseconds. Text without an offset is UTC unless a zone is given; what was assumed is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from storage.candles.importing.numbers import decoded, parsed, texts
from storage.candles.importing.written_times import from_text, read_format
from strategies.errors import BadInput

_MS_PER_UNIT: Final = ((1e11, 1e3, "s"), (1e14, 1.0, "ms"), (1e17, 1e-3, "µs"), (np.inf, 1e-6, "ns"))
_EXCEL_DAYS: Final = (20_000, 80_000)  # 1954 to 2119, counted from 1899-12-30
_EXCEL_EPOCH_DAYS: Final = 25_569
_DAY_MS: Final = 86_400_000


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


def times_of(column: pa.ChunkedArray, name: str, dates: str, *, zone_given: bool = False) -> Times:
    """Return the times of one column.

    Args:
        column: numbers, text or timestamps.
        name: begins the message of an error.
        dates: "dmy" or "mdy" where a person said so.
        zone_given: letters that name a zone may be passed over, since a person named one.

    Raises:
        BadInput: the values are no times, or may be day-month or month-day; the message names column and value.
    """
    column = decoded(column)
    kind = column.type
    if pa.types.is_date(kind):
        column, kind = column.cast(pa.timestamp("ms")), pa.timestamp("ms")
    if pa.types.is_timestamp(kind):
        ms = column.cast(pa.timestamp("ms", tz=kind.tz), safe=False).cast(pa.int64())
        return Times(ms=_floats(ms), said=f"times with zone {kind.tz}" if kind.tz else "times", is_naive=not kind.tz)
    if pa.types.is_string(kind):
        column = texts(column)
        try:
            column = column.cast(pa.float64())
        except pa.ArrowInvalid:
            counted = _dressed_numbers(column)
            if counted is None:
                return _written(column, name, dates, zone_given)
            column = counted
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
    return _written(pa.chunked_array([pa.array(text, pa.string())]), name, dates, zone_given=False)


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
    value: np.ndarray = values.astype(np.int64).astype(np.float64)
    return value


def _written(column: pa.ChunkedArray, name: str, dates: str, zone_given: bool) -> Times:
    ms, said, is_naive = from_text(column, name, dates, zone_given)
    return Times(ms=ms, said=said, is_naive=is_naive)


def _dressed_numbers(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Return epochs written with thousands or a decimal comma, or None: then the text is a date."""
    first = next((cell for cell in column.slice(0, 1000).to_pylist() if cell), "")
    if not first or set(first) - set("0123456789.,'\u00a0\u202f "):
        return None
    for decimal in (".", ","):
        try:
            found = [None if cell is None else parsed(cell, decimal) for cell in column.to_pylist()]
        except ValueError:
            continue
        if found and found[0] is not None and found[0] > 1e8:
            return pa.chunked_array([pa.array(found, pa.float64())])
    return None


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
            read = read_format(pa.chunked_array([pa.array([f"{v:.0f}" for v in values])]), form)
            if read is not None:
                return Times(ms=read, said=form, is_naive=True)
    if low < 1e8:
        raise BadInput(f"{name} begins with {values[0]:g}, which is no time; unix s, ms, µs, ns or a date is needed")
    size = np.abs(values)
    scale = np.select([size < limit for limit, _, _ in _MS_PER_UNIT], [ms for _, ms, _ in _MS_PER_UNIT])
    units = [unit for (limit, _, unit), below in zip(_MS_PER_UNIT, (0.0, 1e11, 1e14, 1e17), strict=True)
             if ((known >= below) & (known < limit)).any()]  # fmt: skip
    with np.errstate(invalid="ignore"):
        ms = np.rint(values * np.where(np.isfinite(size), scale, np.nan))
    return Times(ms=ms, said="unix " + " then ".join(units))


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
