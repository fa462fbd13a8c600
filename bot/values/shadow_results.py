"""Champion and challenger in figures: what the API, the dashboard, Telegram and the command line show of an A/B.

Only reads what `bot/retraining/shadowing.py` has written. Knows nothing of how it is shown.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from strategies.market import DAY_MS, HOUR_MS, Timeframe
from strategies.oversight.shadow_rules import Role, judge
from strategies.values import finite

if TYPE_CHECKING:
    from storage.ledger.shadows import Shadow, Shadows

LARGEST: Final = 1e12  # a ratio beyond this says no more


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowTest:
    """One bundle watched beside the champion, by its outcomes so far.

    Attributes:
        bundle: who is watched; "nothing": the forecast of no return.
        champion: who decided when the shadow test began.
        days: market days between the first and the newest settled close.
        outcomes: closes whose label has matured, over all markets.
        likelihood_ratio: averaged likelihood ratio, watched over champion: the e-value.
        for_champion: the same the other way round.
        needed: the ratio at which something is done.
        days_to_decide: market days still expected, were it right; None: it has ended, or no end is in sight.
        ic: correlation of what it expected with what came; None: too few outcomes, or it expects nothing.
        champion_ic: the same of the one that decided.
        text: how it stands, or how it ended.
    """

    bundle: str
    role: Role
    champion: str
    started_ms: int
    ended_ms: int | None
    days: float
    outcomes: int
    likelihood_ratio: float
    for_champion: float
    needed: float
    days_to_decide: float | None
    ic: float | None
    champion_ic: float | None
    text: str


class ShadowTests:
    """The shadow tests of one account.

    Args:
        shadows: what was written of them.
        needed: likelihood ratio at which something is done.
        timeframe: of decisions.
    """

    def __init__(self, shadows: Shadows, needed: float, timeframe: Timeframe) -> None:
        self._shadows = shadows
        self._needed = needed
        self._bar_h = timeframe.ms / HOUR_MS

    def newest(self, ended: int) -> list[ShadowTest]:
        """Return the shadow tests that go on, then the `ended` newest of those that do not; asks the database."""
        shadows = self._shadows.all()[::-1]
        running = [shadow for shadow in shadows if shadow.ended_ms is None]
        return [self.result(shadow) for shadow in running + [part for part in shadows if part not in running][:ended]]

    def all(self) -> list[ShadowTest]:
        """Return every shadow test, oldest first."""
        return [self.result(shadow) for shadow in self._shadows.all()]

    def result(self, shadow: Shadow) -> ShadowTest:
        """Return one shadow test in figures."""
        tally, evidence = self._shadows.tally(shadow), shadow.evidence
        newest_ms = shadow.started_ms if tally.newest_ms is None else tally.newest_ms
        days = max(0.0, (newest_ms - shadow.started_ms) / DAY_MS)
        _, sentence = judge(shadow.role, evidence, self._needed, days, None, self._bar_h)
        to_decide = math.inf if shadow.ended_ms is not None else evidence.days_to_decide(self._needed, self._bar_h)
        return ShadowTest(
            bundle=shadow.bundle_id,
            role=shadow.role,
            champion=shadow.champion_id,
            started_ms=shadow.started_ms,
            ended_ms=shadow.ended_ms,
            days=round(days, 2),
            outcomes=tally.outcomes,
            likelihood_ratio=min(evidence.for_challenger, LARGEST),
            for_champion=min(evidence.for_champion, LARGEST),
            needed=self._needed,
            days_to_decide=finite(to_decide),
            ic=tally.ic,
            champion_ic=tally.champion_ic,
            text=shadow.outcome or sentence,
        )
