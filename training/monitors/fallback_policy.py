"""Fallback policy inputs: twelve months of the champion, out of sample, and of the trend rule, after costs.

Before a champion has been live for a year, the months before are those of its walk forward, so the policy is never
blind. A champion on the bench is watched by the same figures: its convictions of every close are known, whoever
trades. Asked after every training, by the retraining's child and by the simulation alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from storage.config.training import ValidationSettings
from strategies.bundle.fallback_policy import FallbackLevel, Record, who_trades
from strategies.market import DAY_MS
from training.backtest.scorecard import plain
from training.data.dataset import Dataset
from training.evidence.daily_skill import YEAR_D, DailySkill, daily_skill
from training.evidence.performance import EquityCurve, daily_equity
from training.promotion.retrain import Champion, Retrained
from training.promotion.similarity import closes, recorded_convictions, targets

LEAST_TREND_D: Final = 90  # of the rule's own record; on less it is taken at its word


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Who trades after a training, and why."""

    fallback_level: FallbackLevel
    why: str
    record: Record

    def document(self) -> dict[str, Any]:
        """Return plain JSON; what is unknown is null."""
        names = ("ic", "live_days", "days", "trend_return")
        return {"trading": self.fallback_level, "why": self.why} | {
            name: plain(getattr(self.record, name)) for name in names
        }


def ask(
    champion: Champion | None,
    promised: DailySkill,
    trend: EquityCurve | None,
    dataset: Dataset,
    now: FallbackLevel,
    settings: ValidationSettings,
) -> Answer:
    """Ask the fallback policy who trades from a dataset's end on.

    Args:
        champion: after the training.
        promised: the days of its walk forward.
        trend: of the trend rule up to that end, after costs; None: not known.
        dataset: everything known by then.
        now: the fallback level there is; "models" for a new one.
        settings: the borders.
    """
    until_ms = dataset.until_ms
    earned = float("nan") if trend is None else trend_return(trend, until_ms)
    record = Record(has_champion=False, trend_return=earned)
    if champion is not None:
        live = live_skill(champion, dataset)
        window = promised.then(live).since(until_ms - YEAR_D * DAY_MS)
        record = Record(
            has_champion=True,
            ic=window.ic,
            live_days=len(live.days),
            days=len(window.days),
            trend_return=earned,
        )
    fallback_level, why = who_trades(record, now, fallback_ic=settings.fallback_ic, recovery_ic=settings.recovery_ic)
    return Answer(fallback_level=fallback_level, why=why, record=record)


def champion_after(
    found: Retrained, before: Champion | None, now: FallbackLevel
) -> tuple[Champion | None, FallbackLevel]:
    """Return who is champion once a training is done, and the fallback level before the policy is asked.

    A refresh takes the level over from the bundle it follows; a bundle of another recipe has never fallen.
    """
    if found.verdict.step != "promote":
        return before, now if before is not None else "models"
    reigns = () if before is None else before.reigns
    fallback_level: FallbackLevel = now if found.verdict.case == "refresh" else "models"
    return Champion(bundle=found.trained.bundle, reigns=reigns), fallback_level


def live_skill(champion: Champion, dataset: Dataset) -> DailySkill:
    """Return the skill of the last 12 months' closes by the bundles of the champion's recipe that were champions then.

    Closes that a bundle had seen in training do not count.
    """
    until_ms = dataset.until_ms
    from_ms = until_ms - YEAR_D * DAY_MS
    recipe = champion.bundle.manifest.recipe
    own = [reign for reign in champion.reigns if reign.bundle.manifest.recipe == recipe]
    scores = recorded_convictions(own, dataset, from_ms, until_ms)
    return daily_skill(scores, targets(dataset, from_ms, until_ms), closes(dataset, from_ms, until_ms) - 1)


def trend_return(curve: EquityCurve, until_ms: int) -> float:
    """Return the net return of the last 12 months, or of what there is; NaN under `LEAST_TREND_D` days."""
    times, equity = daily_equity(curve)
    first, last = np.searchsorted(times, (until_ms - YEAR_D * DAY_MS, until_ms), side="right") - 1
    first = max(int(first), 0)
    if last <= first or times[last] - times[first] < LEAST_TREND_D * DAY_MS:
        return float("nan")
    return float(equity[last] / equity[first] - 1.0)
