"""When a cron line comes next, in UTC: five fields, weekdays counted from Sunday as cron does, or by name."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from apscheduler.triggers.cron import CronTrigger

from strategies.errors import BadInput

WEEKDAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def next_cron_ms(cron: str, after_ms: int) -> int:
    """Return the first time of a cron line after `after_ms`, UTC.

    Raises:
        BadInput: the line cannot be read, or never comes.
    """
    try:
        trigger = CronTrigger.from_crontab(_named_weekdays(cron), timezone=UTC)
    except ValueError as error:
        raise BadInput(
            f"cron line {cron!r} cannot be read: {error}; five fields are needed, as in '0 3 1 * *'"
        ) from error
    following = trigger.get_next_fire_time(None, datetime.fromtimestamp((after_ms + 1) / 1000, UTC))
    if following is None:
        raise BadInput(f"cron line {cron!r} never comes")
    return round(following.timestamp() * 1000)


def cron_times(cron: str, start_ms: int, end_ms: int) -> list[int]:
    """Return the times of a cron line in (start, end), ascending.

    Raises:
        BadInput: as for `next_cron_ms`.
    """
    times: list[int] = []
    while (following := next_cron_ms(cron, times[-1] if times else start_ms)) < end_ms:
        times.append(following)
    return times


def _named_weekdays(cron: str) -> str:
    """Return the line with weekdays by name: cron counts from Sunday, APScheduler from Monday."""
    fields = cron.split()
    if len(fields) == 5 and "/" not in fields[4]:
        fields[4] = re.sub(r"\d+", lambda found: WEEKDAYS[int(found[0]) % 7], fields[4])
    return " ".join(fields)
