"""Fallback policy: the bundle that earned it trades, else the trend rule, else nobody.

    models       the champion's out-of-sample IC over the last 12 months is not below `fallback_ic`
    trend_rule   nothing has passed its gate, or the champion fell; the rule made money over the same months
    cash         … and the rule did not: nothing is entered, what is held is closed

A champion that fell trades again when its IC is above `recovery_ic`; it is watched meanwhile. Numbers in, fallback
level out: knows no bundle, no file and no clock.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

FallbackLevel = Literal["models", "trend_rule", "cash"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Who is champion and who decides, from some moment on."""

    champion: str | None = None
    fallback_level: FallbackLevel = "trend_rule"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the policy is told, all of it out of sample and over the last 12 months.

    Attributes:
        has_champion: whether any bundle has passed.
        ic: of the champion's recipe: of its live convictions, and of its walk forward before it was live; NaN: unknown.
        live_days: days of those months that were live.
        days: days that the IC was taken over.
        trend_return: net return of the trend rule; NaN: too little of it is known.
    """

    has_champion: bool
    ic: float = math.nan
    live_days: int = 0
    days: int = 0
    trend_return: float = math.nan


def who_trades(
    record: Record, now: FallbackLevel, *, fallback_ic: float, recovery_ic: float
) -> tuple[FallbackLevel, str]:
    """Return who trades, and why.

    Args:
        record: of the champion and of the trend rule.
        now: who trades at present; the way back needs more than the way down. "models" for a champion that is new.
        fallback_ic: IC below which the champion steps down.
        recovery_ic: IC above which it trades again.
    """
    if not record.has_champion:
        return _below(record, "no bundle has passed the recipe gate yet")
    if math.isnan(record.ic):
        return "models", "the champion's 12-month IC is not known"
    words = f"the champion's 12-month out-of-sample IC is {record.ic:+.3f} ({_days(record)})"
    if record.ic < fallback_ic:
        return _below(record, f"{words}, below {fallback_ic:g}")
    if now != "models" and record.ic <= recovery_ic:
        return _below(record, f"{words}, not yet above {recovery_ic:g}")
    return "models", words


def next_status(now: Status, candidate: str | None, fallback_level: FallbackLevel) -> Status:
    """Return the status after a training.

    Args:
        now: before it.
        candidate: the bundle that the gate lets through; None: it let none through.
        level: of the policy, asked about the candidate, or else about the champion there was.
    """
    champion = candidate or now.champion
    return Status(
        champion=champion, fallback_level=fallback_level if champion or fallback_level != "models" else "trend_rule"
    )


def _below(record: Record, words: str) -> tuple[FallbackLevel, str]:
    if math.isnan(record.trend_return):
        return "trend_rule", f"{words}; the trend rule's own 12 months are not known"
    made = f"the trend rule made {record.trend_return:+.1%} net in 12 months"
    return ("trend_rule" if record.trend_return > 0 else "cash"), f"{words}; {made}"


def _days(record: Record) -> str:
    return f"{record.live_days} days live, {record.days - record.live_days} of the walk forward"
