"""Pattern hits: what a pattern is called and what a finding says."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numpy as np


class Pattern(IntEnum):
    """The patterns, the rarer ones first; 0 is left free for "none"."""

    HEAD_AND_SHOULDERS = 1
    INVERSE_HEAD_AND_SHOULDERS = 2
    DOUBLE_TOP = 3
    DOUBLE_BOTTOM = 4
    ASCENDING_TRIANGLE = 5
    DESCENDING_TRIANGLE = 6
    SYMMETRICAL_TRIANGLE = 7
    BULL_FLAG = 8
    BEAR_FLAG = 9
    BULL_PENNANT = 10
    BEAR_PENNANT = 11
    BULLISH_ENGULFING = 12
    BEARISH_ENGULFING = 13


BULLISH: Final = 1

HIT: Final = np.dtype(
    [
        ("pattern", np.int8),  # Pattern
        ("side", np.int8),  # +1: broke upwards, -1: downwards
        ("start", np.int64),  # row of its first point
        ("end", np.int64),  # row of its last point
        ("confirm", np.int64),  # row at whose close it was complete and known
        ("level", np.float64),  # price of the line that was broken, at `confirm`
    ]
)


def title(hit: np.void) -> str:
    """Return how people say it: "double top", "symmetrical triangle broken upwards"."""
    pattern = Pattern(int(hit["pattern"]))
    name = pattern.name.lower().replace("_", " ").replace(" and ", " & ")
    if "triangle" in name:
        return f"{name} broken {'upwards' if hit['side'] == BULLISH else 'downwards'}"
    return name
