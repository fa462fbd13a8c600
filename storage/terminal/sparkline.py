"""A curve in one line of text: ▁▂▃▄▅▆▇█."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

BARS: Final = "▁▂▃▄▅▆▇█"
FLAT: Final = "▄"


def sparkline(values: Sequence[float], width: int = 40) -> str:
    """Return values as one character each, at most `width` of them: the last of every equal stretch.

    What is not finite is left out; a curve that never moves lies in the middle.
    """
    known = [value for value in values if math.isfinite(value)]
    if not known or width < 1:
        return ""
    count = min(width, len(known))
    shown = [known[(number + 1) * len(known) // count - 1] for number in range(count)]
    low, high = min(shown), max(shown)
    if math.isinf(high - low):
        shown, low, high = [value / 2 for value in shown], low / 2, high / 2
    if high <= low:
        return FLAT * len(shown)
    return "".join(BARS[min(len(BARS) - 1, int((value - low) / (high - low) * len(BARS)))] for value in shown)
