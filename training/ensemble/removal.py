"""Family removal: the same days traded with a family and without it, and how sure the difference is.

The two accounts hold nearly the same positions, so the difference of their Sharpe ratios is far better known than
either. Its standard error comes from days resampled in pairs and in blocks (stationary bootstrap, Politis & Romano
1994), which keeps both what the accounts share and what follows one another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from training.evidence.significance import annual_sharpes, stationary_indices

MEAN_BLOCK: Final = 10.0  # days, which spans a position
REPETITIONS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """Annual net Sharpe ratios over the same days.

    Attributes:
        family: that is there or not.
        days: compared.
        sharpe_with, sharpe_without: costs included.
        error: one standard error of the difference.
    """

    family: str
    days: int
    sharpe_with: float
    sharpe_without: float
    error: float

    @property
    def difference(self) -> float:
        """What the family brings: positive where the account is better off with it."""
        return self.sharpe_with - self.sharpe_without

    @property
    def earns(self) -> bool:
        """Whether removing the family does not raise the net Sharpe ratio by more than one standard error."""
        return self.difference >= -self.error

    @property
    def words(self) -> str:
        """The comparison in words."""
        helps = "does not help" if self.earns else "helps"
        return (
            f"{self.family}: net Sharpe {self.sharpe_with:+.2f} with it, {self.sharpe_without:+.2f} without: "
            f"difference {self.difference:+.3f} +- {self.error:.3f} over the same {self.days:,} days; "
            f"removing it {helps} by more than one standard error"
        )


def removal_of(family: str, with_it: np.ndarray, without_it: np.ndarray, *, seed: int = 0) -> Removal:
    """Return what removing a family would have done.

    Args:
        with_it, without_it: (n,) net returns of the same days.
        seed: of the bootstrap.
    """
    both = np.stack([with_it, without_it])  # (2, n)
    if both.shape[1] < 2:
        return Removal(family=family, days=both.shape[1], sharpe_with=0.0, sharpe_without=0.0, error=0.0)
    rows = stationary_indices(both.shape[1], REPETITIONS, MEAN_BLOCK, np.random.default_rng(seed))
    resampled = annual_sharpes(with_it[rows]) - annual_sharpes(without_it[rows])
    found = annual_sharpes(both)
    return Removal(
        family=family,
        days=both.shape[1],
        sharpe_with=float(found[0]),
        sharpe_without=float(found[1]),
        error=float(resampled.std()),
    )
