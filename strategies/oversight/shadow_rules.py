"""Shadow test rules: what becomes of a bundle that is watched beside the champion, numbers in, a step out."""

from __future__ import annotations

import math
from enum import Enum
from typing import Final, Literal

from strategies.oversight.e_process import EProcess

Role = Literal["challenger", "predecessor", "nothing", "benched"]
PREDECESSOR_D: Final = 30.0  # days for which a champion is held against the one before it


def limit_d(role: Role) -> float | None:
    """Return the days after which a trial that found nothing ends; None: it goes on."""
    return PREDECESSOR_D if role == "predecessor" else None


class Step(Enum):
    """What is to be done."""

    GO_ON = "go on"
    PROMOTE = "promote"
    ROLL_BACK = "roll back"
    END = "end"


def judge(
    role: Role, evidence: EProcess, threshold: float, age_d: float, limit_d: float | None, bar_h: float
) -> tuple[Step, str]:
    """Return the step, and the sentence that says why.

    Args:
        role: a challenger may win or lose; the predecessor and the forecast of nothing may only do harm's work; a
            champion on the bench is watched while a fallback strategy trades, and the policy alone calls it back.
        evidence: the watched bundle against the champion.
        threshold: likelihood ratio at which something is done.
        age_d: days since the trial began.
        limit_d: days after which a trial that found nothing ends; None: never.
        bar_h: hours of a decision candle.
    """
    ratio, reversed_ratio = evidence.for_challenger, evidence.for_champion
    seen = f"after {evidence.observations:,} outcomes in {age_d:.0f} days"
    if role == "benched":
        return Step.GO_ON, f"on the bench, likelihood ratio {ratio:.2f} against the fallback strategy {seen}"
    if ratio >= threshold:
        words = f"likelihood ratio {ratio:.1f} against the champion {seen} (needed {threshold:g})"
        return (Step.PROMOTE if role == "challenger" else Step.ROLL_BACK), words
    if role == "challenger" and reversed_ratio >= threshold:
        return Step.END, f"likelihood ratio {reversed_ratio:.1f} for the champion {seen} (needed {threshold:g})"
    if limit_d is not None and age_d >= limit_d:
        return Step.END, f"nothing against the champion {seen}: likelihood ratio {ratio:.2f}"
    return Step.GO_ON, f"likelihood ratio {ratio:.2f} {seen}; {_expected(evidence, threshold, bar_h)}"


def _expected(evidence: EProcess, threshold: float, bar_h: float) -> str:
    days = evidence.days_to_decide(threshold, bar_h)
    return "no end in sight" if math.isinf(days) else f"about {days:,.0f} days to decide, were it right"
