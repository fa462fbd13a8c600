"""IC difference: whether one score foretells better than another on the same bars, with its error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from strategies.market import DAY_MS

BLOCK_MS: Final = 7 * DAY_MS
LEAST_BLOCKS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class IcGain:
    """The IC of one score less that of another, with its standard error."""

    mean: float
    error: float

    @property
    def excess(self) -> float:
        """By how much the gain exceeds one standard error."""
        return self.mean - self.error


def ic_gain(score: np.ndarray, other: np.ndarray, target: np.ndarray, open_ms: np.ndarray) -> IcGain:
    """Return how much better `score` foretells than `other`: weeks are left out one by one (the block jackknife).

    Args:
        score, other, target: (n,) float64, finite.
        open_ms: (n,) int64; bars of one week, of all markets, stand or fall together.

    Returns:
        An infinite error under `LEAST_BLOCKS` weeks: nothing can be said.
    """
    block = (open_ms - open_ms.min()) // BLOCK_MS
    sums = np.stack([_sums(score, target, block), _sums(other, target, block)])  # (2, weeks, 6)
    sums = sums[:, sums[0, :, 0] > 0]
    weeks = sums.shape[1]
    total = sums.sum(axis=1, keepdims=True)
    whole = _ic(total)[:, 0]
    if weeks < LEAST_BLOCKS:
        return IcGain(mean=float(whole[0] - whole[1]), error=np.inf)
    left_out = _ic(total - sums)  # (2, weeks)
    differences = left_out[0] - left_out[1]
    error = np.sqrt((weeks - 1) / weeks * ((differences - differences.mean()) ** 2).sum())
    return IcGain(mean=float(whole[0] - whole[1]), error=float(error))


def _sums(score: np.ndarray, target: np.ndarray, block: np.ndarray) -> np.ndarray:
    parts = (np.ones(len(score)), score, target, score * score, target * target, score * target)
    return np.column_stack([np.bincount(block, part) for part in parts])


def _ic(sums: np.ndarray) -> np.ndarray:
    n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    spread = np.sqrt(np.maximum((xx - x * x / n) * (yy - y * y / n), 1e-300))
    return np.asarray((xy - x * y / n) / spread)
