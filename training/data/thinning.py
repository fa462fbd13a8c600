"""Thinning: with many markets every n-th bar teaches, so that a pool of fifty fits the memory and the time of three.

Markets move together and neighbouring labels overlap, so rows are worth about the root of their number: the step grows
with the root of the pool. It shares no factor with 24: each market is seen at all hours of the day.
"""

from __future__ import annotations

import math
from typing import Final

HOURS: Final = 24
FEW: Final = 5  # markets up to which nothing is thinned


def every_nth(least: int, markets: int, thinning: float) -> int:
    """Return n: every n-th bar of a market teaches.

    Args:
        least: n of a small pool.
        markets: that teach.
        thinning: n is at least this x the root of `markets`.
    """
    if markets <= FEW or thinning <= 0.0:
        return least
    step = max(least, math.ceil(thinning * math.sqrt(markets)))
    while math.gcd(step, HOURS) > 1:
        step += 1
    return step
