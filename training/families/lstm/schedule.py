"""The learning rate over a training: up to a peak, then down to almost nothing (one cycle)."""

from __future__ import annotations

from math import cos, pi
from typing import Final

WARM_SHARE: Final = 0.2  # of the steps, in which the learning rate rises
START_DIVISOR: Final = 25.0  # the one-cycle schedule starts at lr / 25 ...
END_DIVISOR: Final = 25e4  # ... and ends at lr / 250,000 (Smith and Topin 2018; torch's own defaults)


def one_cycle(step: int, total: int, peak: float) -> float:
    """Return the learning rate of step 0..total-1: a cosine up to `peak`, then a cosine down to almost nothing."""
    top = max(WARM_SHARE * total - 1, 1e-9)
    if step <= top:
        return _cosine(peak / START_DIVISOR, peak, step / top)
    return _cosine(peak, peak / END_DIVISOR, min((step - top) / max(total - 1 - top, 1e-9), 1.0))


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + cos(pi * share)) / 2
