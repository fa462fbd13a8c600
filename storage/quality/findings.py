"""Findings of the data check: each with its severity and the times it concerns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from storage.candles.rows import moment

Severity = Literal["fatal", "quarantine", "flag", "note"]
SEVERITIES: Final[tuple[Severity, ...]] = ("fatal", "quarantine", "flag", "note")
LISTED: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One kind of oddity in one series.

    Attributes:
        check: its name, as in the documents.
        severity: fatal: do not use the series before it is repaired; quarantine: probably not the market, look at it;
            flag: odd but possibly real; note: worth knowing.
        times_ms: (k,) int64 opens of the bars concerned, ascending.
        text: what was found, in words.
    """

    check: str
    severity: Severity
    times_ms: np.ndarray
    text: str

    def document(self) -> dict[str, object]:
        """Return JSON types; at most `LISTED` times."""
        return {
            "check": self.check,
            "severity": self.severity,
            "count": len(self.times_ms),
            "text": self.text,
            "times_ms": [int(time) for time in self.times_ms[:LISTED]],
        }


def listed(times_ms: np.ndarray | Sequence[int], most: int = 3) -> str:
    """Return the first times as people read them."""
    shown = ", ".join(moment(time) for time in times_ms[:most])
    return shown + (f", {len(times_ms) - most} more" if len(times_ms) > most else "")
