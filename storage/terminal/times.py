"""Times as a terminal shows and takes them: always UTC, a dash or a word where there is none."""

from __future__ import annotations

from datetime import UTC, datetime

from strategies.errors import BadInput


def minute_of(ms: int | None, missing: str = "") -> str:
    """Return a time to the minute, like "2025-05-05 12:00"; `missing` where there is none."""
    return missing if ms is None else f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M}"


def day_of(ms: int | None, missing: str = "") -> str:
    """Return a day, like "2025-05-05"; `missing` where there is none."""
    return missing if ms is None else f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d}"


def ms_of(text: str) -> int:
    """Return a UTC day or time in ISO form as milliseconds.

    Raises:
        BadInput: it is neither.
    """
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"{text!r} is not a day; one like 2025-05-05 or 2025-05-05T12:00 is needed") from error
    return round((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp() * 1000)
