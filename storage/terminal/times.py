"""Times as a terminal shows and takes them: always UTC, a dash or a word where there is none."""

from __future__ import annotations

from datetime import UTC, datetime


def minute_of(ms: int | None, missing: str = "") -> str:
    """Return a time to the minute, like "2025-05-05 12:00"; `missing` where there is none."""
    return missing if ms is None else f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M}"


def day_of(ms: int | None, missing: str = "") -> str:
    """Return a day, like "2025-05-05"; `missing` where there is none."""
    return missing if ms is None else f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d}"
