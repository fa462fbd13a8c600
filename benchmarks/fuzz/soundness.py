"""What must hold of every candle that was let in, whatever was sent."""

from __future__ import annotations

import math

import numpy as np

from benchmarks.fuzz.cases import Broken


def require_sound(bars: np.ndarray, present: np.ndarray) -> None:
    """Refuse candles that must never have been let in.

    Raises:
        Broken: one is none.
    """
    for bar in bars[present]:
        opening, high, low, close, volume = (float(value) for value in bar)
        is_sound = 0 < low <= min(opening, close) and max(opening, close) <= high < math.inf and 0 <= volume < math.inf
        if not is_sound:
            raise Broken(f"a candle that is none was let in: {bar.tolist()}")
