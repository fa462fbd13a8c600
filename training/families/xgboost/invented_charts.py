"""More charts to learn shapes from than history has: the same candles upside down, and in another order.

Rules label them like any chart. Shuffled blocks keep what single candles and calm or wild days look like and destroy
everything longer, so their patterns are accidents: a classifier learns the shape from them, and nothing about markets.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from strategies.market import CLOSE, OPEN, OPEN_MS, VOLUME, CandleArray

BLOCK_BARS: Final = 24


def upside_down(candles: CandleArray) -> CandleArray:
    """Return the market of 1 / price, at the same first open."""
    image = candles.copy()
    scale = candles[0, OPEN] ** 2
    image[:, OPEN:VOLUME] = scale / candles[:, [1, 3, 2, 4]]
    return image


def shuffled(candles: CandleArray, rng: np.random.Generator) -> CandleArray:
    """Return the candles with blocks of a day's length in random order, chained at their closes, times kept."""
    blocks = len(candles) // BLOCK_BARS
    order = (rng.permutation(blocks)[:, None] * BLOCK_BARS + np.arange(BLOCK_BARS)).ravel()
    before = np.concatenate([candles[:1, OPEN], candles[:-1, CLOSE]])
    ratios = (candles[:, OPEN:VOLUME] / before[:, None])[order]  # to the close before
    closes = candles[0, OPEN] * np.exp(np.cumsum(np.log(ratios[:, -1])))
    starts = np.concatenate([candles[:1, OPEN], closes[:-1]])
    return np.column_stack([candles[: len(order), OPEN_MS], ratios * starts[:, None], candles[order, VOLUME]])


def invented(candles: CandleArray, copies: int, rng: np.random.Generator) -> list[CandleArray]:
    """Return so many invented charts: upside down first, then shuffled ones."""
    if copies <= 0 or len(candles) < 2 * BLOCK_BARS:
        return []
    return [upside_down(candles), *(shuffled(candles, rng) for _ in range(copies - 1))]
