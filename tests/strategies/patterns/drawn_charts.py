"""Charts drawn by hand: straight strokes between points, each bar one unit high."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from strategies.market import HOUR_MS, CandleArray

LEAD_IN = 100  # bars of a quiet see-saw, from which the average range becomes known
LEVEL = 200.0

Points = Sequence[tuple[int, float]]  # bars after the lead-in, and how far above the level


def drawn(points: Points, *, quiet_from: int | None = None) -> CandleArray:
    """Return candles whose closes follow the strokes; volume falls to a half from `quiet_from` (after the lead-in)."""
    bars = np.arange(points[-1][0] + 1)
    strokes = LEVEL + np.interp(bars, [bar for bar, _ in points], [height for _, height in points])
    lead_in = LEVEL + points[0][1] + 0.2 * (-1.0) ** np.arange(LEAD_IN)
    close = np.concatenate([lead_in, strokes])
    opening = np.concatenate([close[:1], close[:-1]])
    middle = 0.5 * (opening + close)
    half = np.maximum(0.5, 0.5 * np.abs(close - opening))
    volume = np.full(len(close), 10.0)
    if quiet_from is not None:
        volume[LEAD_IN + quiet_from :] = 5.0
    open_ms = (np.arange(len(close)) + 480_000.0) * HOUR_MS
    return np.column_stack([open_ms, opening, middle + half, middle - half, close, volume])


def upside_down(candles: CandleArray) -> CandleArray:
    """Return the chart turned around its level."""
    image = candles.copy()
    image[:, 1], image[:, 4] = 2 * LEVEL - candles[:, 1], 2 * LEVEL - candles[:, 4]
    image[:, 2], image[:, 3] = 2 * LEVEL - candles[:, 3], 2 * LEVEL - candles[:, 2]
    return image
