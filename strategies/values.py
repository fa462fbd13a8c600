"""Values at the edges: a time as people write it, a number as it can be shown."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from strategies.errors import BadInput


def iso_ms(text: str, name: str = "") -> int:
    """Return a day or time in ISO form as UTC milliseconds; without an offset it is UTC.

    Args:
        name: of what was asked, such as an option; it begins the error.

    Raises:
        BadInput: it is neither.
    """
    try:
        read = datetime.fromisoformat(text.strip())
    except ValueError as error:
        begun = f"{name} is {text!r}, which is" if name else f"{text!r} is"
        raise BadInput(f"{begun} not a day; one like 2025-05-05 or 2025-05-05T12:00 is needed") from error
    return round((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp() * 1000)


def finite(value: float | None) -> float | None:
    """Return a number that can be shown; None instead of none, NaN and infinity."""
    return float(value) if value is not None and math.isfinite(value) else None
