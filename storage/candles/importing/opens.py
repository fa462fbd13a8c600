"""Open times of candles: the best of the columns that may say so."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import numpy as np

from storage.candles.importing.columns import Roles
from storage.candles.importing.headerless import is_clock
from storage.candles.importing.sheet import Options, Sheet
from storage.candles.importing.times import Times, joined_times, localized, times_of
from storage.candles.importing.words import plain
from strategies.errors import BadInput
from strategies.market import DAY_MS, MINUTE_MS

EARLIEST_MS: Final = -2_208_988_800_000  # 1900
LATEST_MS: Final = 7_258_118_400_000  # 2200
_SURELY_OPEN: Final = ("open_time", "time_open", "timeopen", "open_ms", "start_time", "start_at", "open_timestamp")
_BUCKETS_OF_BITMEX: Final = ("last_size", "home_notional", "foreign_notional")  # stamped as they close


@dataclass(frozen=True, slots=True, kw_only=True)
class Opens:
    """Times of the rows: UTC ms, or a wall clock's when `is_naive`; `closes`: they are the candles' ends."""

    ms: np.ndarray
    name: str
    said: str
    is_naive: bool
    closes: bool = False


def open_times(sheet: Sheet, roles: Roles, options: Options) -> Opens:
    """Return the open times of a sheet.

    Raises:
        BadInput: no column tells them, or two tell different ones.
    """
    read, refused = _read(sheet, roles.times, options)
    joined = _joined(sheet, roles.times, read, options)
    closes = not read and not joined and bool(roles.close_times)
    if closes:
        read, refused = _read(sheet, roles.close_times[:1], options)
    if not read and not joined and roles.local_times:
        read, refused = _read(sheet, roles.local_times[:1], options)
        if read and read[0][1].is_naive and not options.timezone:
            raise BadInput(f"{sheet.name} has local times only ({roles.local_times[0]!r}); --timezone says of where")
    if joined:
        read = [joined]
    if not read:
        raise refused or BadInput(
            f"{sheet.name} has no time column: found {', '.join(sheet.columns)}; "
            "one named timestamp, date or time is needed, or --columns time=NAME"
        )
    name, times = _best(read, sheet.name)
    _require_known_years(times.ms, name, sheet.name)
    _require_resolution(times.ms, name, sheet.name)
    closes = closes or sheet.has(*_BUCKETS_OF_BITMEX) or _are_ends(times.ms)
    naive = times.is_naive
    ms = times.ms
    if naive and options.timezone and options.timezone.upper() not in ("UTC", "GMT"):
        ms = localized(times, options.timezone, sheet.name)
    return Opens(ms=ms, name=name, said=times.said, is_naive=naive, closes=closes)


def _read(sheet: Sheet, names: tuple[str, ...], options: Options) -> tuple[list[tuple[str, Times]], BadInput | None]:
    read: list[tuple[str, Times]] = []
    refused: BadInput | None = None
    zoned = bool(options.timezone)
    for name in names:
        column = sheet.columns[name]
        if is_clock(column):
            continue
        try:
            read.append(
                (name, times_of(column, f"{sheet.name}: time column {name or '1'}", options.dates, zone_given=zoned))
            )
        except BadInput as error:
            refused = refused or error
    return read, refused


def _joined(
    sheet: Sheet, names: tuple[str, ...], read: list[tuple[str, Times]], options: Options
) -> tuple[str, Times] | None:
    """Return day and clock put together, where the one column has days only and another has times of day."""
    clocks = [name for name in names if is_clock(sheet.columns[name])]
    clocks += [
        name
        for name in sheet.columns
        if name not in names and plain(name) in ("time", "hour", "clock") and is_clock(sheet.columns[name])
    ]
    if (
        not clocks
        and len(names) > 1
        and plain(names[0]) in ("date", "1", "dtyyyymmdd")
        and plain(names[1]) in ("time", "2")
    ):
        clocks = [names[1]] if names[1] not in {name for name, _ in read} else []
    known = dict(read)
    if not clocks or any(not _are_days(times) for name, times in read):
        return None
    for day in (name for name in names if name not in clocks):
        if day not in known or known[day].is_naive:  # a day alone may be in doubt where its hours are not
            where = f"{sheet.name}: time columns {day} and {clocks[0]}"
            with suppress(BadInput):
                joined = joined_times(sheet.columns[day], sheet.columns[clocks[0]], where, options.dates)
                return f"{day}+{clocks[0]}", joined
    return None


def _are_days(times: Times) -> bool:
    return bool((times.ms[np.isfinite(times.ms)] % DAY_MS == 0).all())


def _best(read: list[tuple[str, Times]], name: str) -> tuple[str, Times]:
    """Return the column that tells the rows apart best: on whole minutes, surely opens, epochs before wall clocks."""
    if len(read) == 1:
        return read[0]
    whole = [part for part in read if (part[1].ms[np.isfinite(part[1].ms)] % MINUTE_MS == 0).all()] or read
    surely = [part for part in whole if plain(part[0]) in _SURELY_OPEN] or whole
    distinct = [len(np.unique(times.ms)) for _, times in surely]
    finest = [part for part, count in zip(surely, distinct, strict=True) if count == max(distinct)]
    certain = [part for part in finest if not part[1].is_naive] or finest
    first = certain[0]
    for other in certain[1:]:
        apart = np.nanmedian(np.abs(other[1].ms - first[1].ms))
        if apart >= 1000:
            raise BadInput(
                f"{name}: time columns {first[0]!r} and {other[0]!r} differ by {apart / 60_000:g} min; "
                "--columns time=NAME chooses"
            )
    return first


def _require_known_years(ms: np.ndarray, name: str, where: str) -> None:
    known = ms[np.isfinite(ms)]
    odd = known[(known < EARLIEST_MS) | (known > LATEST_MS)]
    if len(odd):
        raise BadInput(f"{where}: column {name!r} holds {odd[0]:g} ms since 1970, which lies outside of 1900 to 2200")


def _are_ends(ms: np.ndarray) -> bool:
    """Whether every time is the last second or millisecond of a minute: candles end so, none opens so."""
    known = ms[np.isfinite(ms)]
    return bool(len(known)) and bool(((known + 1) % MINUTE_MS == 0).all() or ((known + 1000) % MINUTE_MS == 0).all())


def _require_resolution(ms: np.ndarray, column: str, name: str) -> None:
    known = ms[np.isfinite(ms)]
    if (np.diff(known) > 0).all():
        return
    counts = np.unique(known, return_counts=True)[1]
    distinct = len(counts)
    if len(known) > 10 and distinct < 0.5 * len(known) and counts.min() < counts.max():
        raise BadInput(
            f"{name}: {len(known):,} rows have {distinct:,} different times in column {column!r}; it lost its digits "
            "(a spreadsheet writes 1.70925E+12) or another column holds the time of day (--columns time=NAME)"
        )
