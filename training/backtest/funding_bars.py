"""Which bar of a run a settled funding rate is charged with."""

from __future__ import annotations

import numpy as np

from strategies.kernel.state import NO_RATE


def settled_on_bars(rows: np.ndarray, rates_e8: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Return (n,) int64 the rate that is charged with each bar, or NO_RATE.

    A rate that settles where the market has no bar, in a halt or a gap, rides on the next one that has none of its own:
    so it comes live, too.

    Args:
        rows: (f,) bars at which rates settle, ascending.
        rates_e8: (f,) int64.
        present: (n,) bool: where the market has a bar.
    """
    charged = np.full(len(present), NO_RATE, np.int64)
    bars, has_bar = np.flatnonzero(present), present[rows]
    charged[rows[has_bar]] = rates_e8[has_bar]
    for row, rate in zip(rows[~has_bar].tolist(), rates_e8[~has_bar].tolist(), strict=True):
        later = bars[np.searchsorted(bars, row) :]
        free = later[charged[later] == NO_RATE][:1] if len(later) and row > bars[0] else later[:0]
        charged[free] = rate
    return charged
