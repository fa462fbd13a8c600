"""Skill by UTC day, as the sums that a correlation needs: months of it can be pooled, cut and put end to end.

A bundle's walk forward leaves its days in `record.json`. The fallback policy puts the days that were live behind them,
so that twelve months are known from the first day on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np

from strategies.market import DAY_MS
from training.data.market_scores import Convictions

YEAR_D: Final = 365


@dataclass(frozen=True, slots=True, kw_only=True)
class DailySkill:
    """Scores x beside what came of them y, by day.

    Attributes:
        days: (d,) int64 ascending days since the epoch, those with known rows only.
        sums: (d, 6) float64: 1, x, y, xx, yy, xy.
    """

    days: np.ndarray
    sums: np.ndarray

    @property
    def ic(self) -> float:
        """The correlation over all days; NaN where there is nothing to correlate."""
        if not len(self.days):
            return float("nan")
        total = self.sums.sum(0)
        return float(correlations(total[None])[0]) if _varies(total) else float("nan")

    def since(self, ms: int) -> DailySkill:
        """Return the days that begin at a time or later."""
        kept = self.days * DAY_MS >= ms
        return DailySkill(days=self.days[kept], sums=self.sums[kept])

    @property
    def last_year(self) -> DailySkill:
        """The days within a year of the last one."""
        return self if not len(self.days) else self.since(int(self.days[-1] - YEAR_D) * DAY_MS)

    def then(self, later: DailySkill) -> DailySkill:
        """Return these days up to the first of `later`, then those."""
        first = later.days[0] if len(later.days) else np.iinfo(np.int64).max
        kept = self.days < first
        return DailySkill(
            days=np.concatenate([self.days[kept], later.days]), sums=np.concatenate([self.sums[kept], later.sums])
        )

    def document(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {"days": self.days.tolist(), "sums": [[float(f"{part:.9g}") for part in row] for row in self.sums]}

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> Self:
        """Return the days in a bundle's record; none where they were not written."""
        found = record.get("skill") or {"days": [], "sums": []}
        return cls(days=np.array(found["days"], np.int64), sums=np.array(found["sums"], np.float64).reshape(-1, 6))


NOTHING_PROMISED: Final = DailySkill(days=np.zeros(0, np.int64), sums=np.zeros((0, 6)))


def daily_skill(score: np.ndarray, target: np.ndarray, open_ms: np.ndarray) -> DailySkill:
    """Return the sums of the days that have rows where both are known.

    Args:
        score, target: (n,) float64; NaN rows are left out.
        open_ms: (n,) int64, in any order.
    """
    known = np.isfinite(score) & np.isfinite(target)
    x, y = score[known], target[known]
    days, index = np.unique(open_ms[known] // DAY_MS, return_inverse=True)
    parts = (np.ones(len(x)), x, y, x * x, y * y, x * y)
    return DailySkill(
        days=days.astype(np.int64), sums=np.column_stack([np.bincount(index, part, len(days)) for part in parts])
    )


def walked_skill(parts: Sequence[Convictions]) -> DailySkill:
    """Return the days of a walk forward, markets pooled."""
    return daily_skill(
        np.concatenate([part.conviction for part in parts]),
        np.concatenate([part.run.target for part in parts]),
        np.concatenate([part.run.open_ms for part in parts]),
    )


def correlations(sums: np.ndarray) -> np.ndarray:
    """Return (n,) Pearson correlations of (n, 6) sums; 0 where nothing varies."""
    count, x, y, xx, yy, xy = sums.T
    spread = np.maximum(xx - x * x / count, 0.0) * np.maximum(yy - y * y / count, 0.0)
    found: np.ndarray = np.divide(xy - x * y / count, np.sqrt(spread), out=np.zeros(len(sums)), where=spread > 0)
    return found


def _varies(total: np.ndarray) -> bool:
    count, x, y, xx, yy, _ = total
    return bool(count >= 30 and xx > x * x / count and yy > y * y / count)
