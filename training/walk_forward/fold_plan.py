"""Fold plan: the folds that are traded, and those before them that only scale the scores.

A fold's trades need deviations and a slope that were known before it began, so the first traded fold must have
out-of-sample scores behind it. Pure functions of times.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from strategies.errors import BadInput
from strategies.market import DAY_MS
from training.backtest.run_candles import moment
from training.data.splits import EMBARGO_MS, Fold, monthly_folds, next_month, rolling_folds

WARM_UP_DAYS: Final = 20  # before deviations are known and a row may teach
LEAST_TRAIN_DAYS: Final = 180
LEAST_SCALE_DAYS: Final = 60
SHARE_BEFORE: Final = 0.3  # of the usable history that is not traded, unless a start date is given
SHORT_WINDOW_DAYS: Final = 730


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How the folds are cut.

    Attributes:
        train_days: each fold learns from so many days; 0: from all history before it.
        test_days: each fold is tested on so many days; 0: `refit_months` counts.
        refit_months: calendar months from one refit to the next.
        start_ms: first traded close; None: as early as the history allows.
        scale_days: days of out-of-sample scores that the scales of a fold are taken from.
    """

    train_days: float = 0.0
    test_days: float = 0.0
    refit_months: int = 3
    start_ms: int | None = None
    scale_days: float = 400.0
    embargo_ms: int = EMBARGO_MS

    def __post_init__(self) -> None:
        if self.train_days and self.train_days < 30:
            raise BadInput(f"training window is {self.train_days:g} days; at least 30, or all history, is needed")
        if (self.test_days and self.test_days < 1) or not 1 <= self.refit_months <= 60:
            raise BadInput(
                f"test window {self.test_days:g} days, refits every {self.refit_months} months: at least 1 day and "
                "1 to 60 months are needed"
            )

    @property
    def note(self) -> str:
        """A line for people about a training window that is known to be too short; empty for a long one."""
        if not self.train_days or self.train_days >= SHORT_WINDOW_DAYS:
            return ""
        return (
            f"Each fold learns from {self.train_days:g} days only. Expect worse figures than live: the shipped recipe "
            "learns from all history, and windows of two years and less lost money in every test of it."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldPlan:
    """The folds of a walk forward, ascending and adjacent.

    Attributes:
        scaling: scored, not traded.
        traded: scored and traded, at scales known when they begin.
    """

    scaling: tuple[Fold, ...]
    traded: tuple[Fold, ...]

    @property
    def all(self) -> tuple[Fold, ...]:
        return self.scaling + self.traded

    @property
    def start_ms(self) -> int:
        return self.traded[0].start_ms

    @property
    def end_ms(self) -> int:
        return self.traded[-1].end_ms


def plan_folds(first_ms: int, last_ms: int, schedule: Schedule) -> FoldPlan:
    """Return the folds over a history.

    Args:
        first_ms: open of its first candle.
        last_ms: close of its last one, or where the walk forward shall end.
        schedule: how they are cut.

    Raises:
        BadInput: the history is too short, or the start date leaves nothing to learn or to scale from.
    """
    earliest = first_ms + round((WARM_UP_DAYS + (schedule.train_days or LEAST_TRAIN_DAYS)) * DAY_MS)
    earliest = -(-(earliest + schedule.embargo_ms) // DAY_MS) * DAY_MS
    start = _start(earliest, last_ms, schedule) if schedule.start_ms is None else schedule.start_ms
    if start - earliest < LEAST_SCALE_DAYS * DAY_MS or start >= last_ms:
        raise BadInput(
            f"a walk forward from {moment(start)} to {moment(last_ms)} is not possible: candles begin "
            f"{moment(first_ms)}, so the first fold that has learnt enough and has "
            f"{LEAST_SCALE_DAYS} days of scores behind it begins {moment(earliest + LEAST_SCALE_DAYS * DAY_MS)}"
        )
    borders = _borders_before(start, earliest, schedule)
    return FoldPlan(
        scaling=tuple(_fold(begin, end, schedule) for begin, end in zip(borders, [*borders[1:], start], strict=True)),
        traded=tuple(_cut(start, last_ms, schedule)),
    )


def _start(earliest: int, last_ms: int, schedule: Schedule) -> int:
    before = SHARE_BEFORE * (last_ms - earliest)
    if schedule.train_days:
        before = min(before, schedule.scale_days * DAY_MS)
    start = earliest + max(round(before), LEAST_SCALE_DAYS * DAY_MS)
    return -(-start // DAY_MS) * DAY_MS if schedule.test_days else next_month(start - 1, 1)


def _borders_before(start: int, earliest: int, schedule: Schedule) -> list[int]:
    """Return the starts of the scaling folds, ascending: back over `scale_days`, or as far as the history allows."""
    step_back: Callable[[int], int] = (
        (lambda at: at - round(schedule.test_days * DAY_MS))
        if schedule.test_days
        else (lambda at: next_month(at - 1, 1 - schedule.refit_months))
    )
    borders: list[int] = []
    at = start
    while start - at < schedule.scale_days * DAY_MS and at > earliest:
        at = max(step_back(at), earliest)
        borders.insert(0, at)
    return borders


def _cut(start: int, end: int, schedule: Schedule) -> list[Fold]:
    if schedule.test_days:
        folds = rolling_folds(start, end, schedule.test_days, schedule.embargo_ms)
    else:
        folds = monthly_folds(start, end, schedule.refit_months, schedule.embargo_ms)
    return [_fold(fold.start_ms, fold.end_ms, schedule) for fold in folds]


def _fold(start: int, end: int, schedule: Schedule) -> Fold:
    until = start - schedule.embargo_ms
    since = until - round(schedule.train_days * DAY_MS) if schedule.train_days else None
    return Fold(train_until_ms=until, start_ms=start, end_ms=end, train_from_ms=since)
