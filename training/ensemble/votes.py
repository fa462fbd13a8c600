"""Out-of-fold votes of several families with what came of them, markets pooled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strategies.bundle.calibration import OVERLAP


@dataclass(frozen=True, slots=True, kw_only=True)
class Votes:
    """Out-of-fold votes with their outcomes, markets pooled.

    Attributes:
        votes: (n, K) float64, standardised; NaN: absent.
        target: (n,) float64; NaN: not known.
        open_ms, known_ms: (n,) int64: open of the bar, and when its label was settled.
        horizon_bars: labels overlap this much.
    """

    votes: np.ndarray
    target: np.ndarray
    open_ms: np.ndarray
    known_ms: np.ndarray
    horizon_bars: int

    def by(self, ms: int) -> Votes:
        """Return what was known by a time, rows with every vote."""
        rows = (self.known_ms <= ms) & np.isfinite(self.target) & np.isfinite(self.votes).all(axis=1)
        return Votes(
            votes=self.votes[rows],
            target=self.target[rows],
            open_ms=self.open_ms[rows],
            known_ms=self.known_ms[rows],
            horizon_bars=self.horizon_bars,
        )

    @property
    def row_weight(self) -> float:
        """How much of an independent observation a row is."""
        return 1.0 / (OVERLAP * self.horizon_bars)
