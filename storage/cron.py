"""Cron lines as crontab(5) means them, in UTC.

APScheduler counts weekdays from Monday and takes day and weekday together; cron counts from Sunday, and where both
are restricted either is enough. So the weekday field is written out here, day by day, and the earlier of two triggers
is taken where cron says *or*.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from apscheduler.triggers.cron import CronTrigger

from strategies.errors import BadInput

WEEKDAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
FIELDS: Final = 5
LONGEST: Final = 200  # characters of a line
_PART: Final = re.compile(r"(?P<first>\*|[a-z]{3}|[0-7])(?:-(?P<last>[a-z]{3}|[0-7]))?(?:/(?P<step>[1-9]\d?))?")


def next_cron_ms(cron: str, after_ms: int) -> int:
    """Return the first time of a cron line after `after_ms`, UTC.

    Raises:
        BadInput: the line cannot be read, or never comes.
    """
    try:
        triggers = [CronTrigger.from_crontab(line, timezone=UTC) for line in _lines(cron)]
    except ValueError as error:
        raise BadInput(
            f"cron line {cron!r} cannot be read: {error}; five fields are needed, as in '0 3 1 * *'"
        ) from error
    after = datetime.fromtimestamp((after_ms + 1) / 1000, UTC)
    following = [moment for trigger in triggers if (moment := trigger.get_next_fire_time(None, after)) is not None]
    if not following:
        raise BadInput(f"cron line {cron!r} never comes")
    found: int = round(min(following).timestamp() * 1000)
    return found


def cron_times(cron: str, start_ms: int, end_ms: int) -> list[int]:
    """Return the times of a cron line in (start, end), ascending.

    Raises:
        BadInput: as for `next_cron_ms`.
    """
    times: list[int] = []
    while (following := next_cron_ms(cron, times[-1] if times else start_ms)) < end_ms:
        times.append(following)
    return times


def _lines(cron: str) -> list[str]:
    """Return the line in APScheduler's terms: two where day or weekday is enough."""
    if len(cron) > LONGEST:
        raise ValueError(f"it has {len(cron)} characters, at most {LONGEST} are read")
    fields = cron.lower().split()
    if len(fields) != FIELDS:
        raise ValueError(f"it has {len(fields)} fields")
    minute, hour, day, month, weekday = fields
    days = _weekdays(weekday)
    if day.startswith("*") or weekday.startswith("*"):
        return [" ".join((minute, hour, day, month, days))]
    return [" ".join((minute, hour, day, month, "*")), " ".join((minute, hour, "*", month, days))]


def _weekdays(field: str) -> str:
    """Return a weekday field as names, day by day; `*` where it is every day."""
    chosen: set[int] = set()
    for text in field.split(","):
        part = _PART.fullmatch(text)
        if part is None:
            raise ValueError(f"weekday {text!r} is none; 0 to 7, sun to sat, ranges and steps of them are")
        first, last = (0, 6) if part["first"] == "*" else (_number(part["first"]), None)
        if part["last"] is not None:
            last = _number(part["last"])
            last = 7 if last == 0 and first > 0 else last  # fri-sun: Sunday ends a week as it begins one
        if last is None:
            last = 6 if part["step"] else first
        if last < first:
            raise ValueError(f"weekday {text!r} ends before it begins")
        chosen |= {number % 7 for number in range(first, last + 1, int(part["step"] or 1))}
    return "*" if len(chosen) == len(WEEKDAYS) else ",".join(WEEKDAYS[number] for number in sorted(chosen))


def _number(text: str) -> int:
    if text.isdigit():
        return int(text)
    if text not in WEEKDAYS:
        raise ValueError(f"weekday {text!r} is none; sun to sat are")
    return WEEKDAYS.index(text)
