"""Honest borders in time: purge, embargo, chronological split, walk-forward folds.

A row may train for a test that begins at t only if its label was settled an embargo before t. Pure functions of
times.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

from strategies.errors import BadInput
from strategies.market import DAY_MS

EMBARGO_MS: Final = DAY_MS
YEAR_MS: Final = 365 * DAY_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """One step of a walk forward: labels known by `train_until_ms` teach, closes in [start, end) are tested.

    Attributes:
        train_from_ms: bars that open before it do not teach; None: all history does.
    """

    train_until_ms: int
    start_ms: int
    end_ms: int
    train_from_ms: int | None = None

    def __post_init__(self) -> None:
        if not self.train_until_ms < self.start_ms < self.end_ms:
            raise BadInput(
                f"fold trains until {self.train_until_ms} and tests {self.start_ms}..{self.end_ms}; "
                "ascending times are needed"
            )


def next_month(ms: int, months: int) -> int:
    """Return 00:00 UTC of the first day of the month `months` after the one that contains `ms`."""
    day = datetime.fromtimestamp(ms / 1000, UTC)
    count = day.year * 12 + day.month - 1 + months
    return int(datetime(count // 12, count % 12 + 1, 1, tzinfo=UTC).timestamp() * 1000)


def monthly_folds(start_ms: int, end_ms: int, months: int, embargo_ms: int = EMBARGO_MS) -> list[Fold]:
    """Return expanding folds over [start, end): refitted every `months` calendar months, the first from `start_ms`."""
    folds, at = [], start_ms
    while at < end_ms:
        until = min(next_month(at, months), end_ms)
        folds.append(Fold(train_until_ms=at - embargo_ms, start_ms=at, end_ms=until))
        at = until
    return folds


def rolling_folds(start_ms: int, end_ms: int, test_days: float, embargo_ms: int = EMBARGO_MS) -> list[Fold]:
    """Return folds over [start, end), each tested on `test_days`; the last one may be shorter."""
    step_ms = round(test_days * DAY_MS)
    return [
        Fold(train_until_ms=at - embargo_ms, start_ms=at, end_ms=min(at + step_ms, end_ms))
        for at in range(start_ms, end_ms, step_ms)
    ]


def recent_folds(
    from_ms: int, until_ms: int, *, months: int = 6, years: float = 4.0, embargo_ms: int = EMBARGO_MS
) -> list[Fold]:
    """Return expanding folds over the most recent years, as many as the history allows.

    At most `years` and at most six tenths of the history are tested. The borders are those of the calendar (January
    and July for six months), so that next month's walk forward has the same ones and their models are found again.
    Where the span is less than three refits of `months`, it is cut into three equal ones.

    Raises:
        BadInput: under 60 days of history.
    """
    span = until_ms - from_ms
    if span < 60 * DAY_MS:
        raise BadInput(f"history is {span / DAY_MS:.0f} days; a walk forward needs at least 60")
    tested = min(round(years * YEAR_MS), round(0.6 * span))
    start = until_ms - tested
    if tested >= months * 3 * 30 * DAY_MS:
        return monthly_folds(_calendar_border(start, months), until_ms, months, embargo_ms)
    borders = [start + tested * part // 3 // DAY_MS * DAY_MS for part in range(3)] + [until_ms]
    borders[0] -= borders[0] % DAY_MS
    borders[1:3] = [border - border % DAY_MS for border in borders[1:3]]
    return [Fold(train_until_ms=begin - embargo_ms, start_ms=begin, end_ms=end) for begin, end in pairwise(borders)]


def _calendar_border(ms: int, months: int) -> int:
    """Return the first start of a month from `ms` on whose number since year 0 is a multiple of `months`."""
    at = next_month(ms - 1, 1)
    day = datetime.fromtimestamp(at / 1000, UTC)
    return next_month(at, -(day.year * 12 + day.month - 1) % months)


def chronological(from_ms: int, until_ms: int, train: float = 0.70, valid: float = 0.15) -> tuple[int, int]:
    """Return the two borders of a chronological split: training ends at the first, validation at the second."""
    if not 0 < train < train + valid < 1:
        raise BadInput(f"shares are train {train:g} and valid {valid:g}; both > 0 and together < 1 are needed")
    span = until_ms - from_ms
    return from_ms + round(train * span), from_ms + round((train + valid) * span)
