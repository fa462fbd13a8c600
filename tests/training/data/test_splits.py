"""Borders in time: folds cover their span without overlap, nobody learns what is tested, calendars are kept."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.errors import BadInput
from strategies.market import DAY_MS, HOUR_MS
from training.data.splits import (
    EMBARGO_MS,
    YEAR_MS,
    Fold,
    chronological,
    monthly_folds,
    next_month,
    recent_folds,
    rolling_folds,
)

STARTS = st.integers(0, 20_000).map(lambda day: 1_000_000_000_000 + day * DAY_MS)
SPANS = st.integers(60, 3_000).map(lambda days: days * DAY_MS)


def is_covering(folds: list[Fold], start_ms: int, end_ms: int) -> bool:
    borders = [(fold.start_ms, fold.end_ms) for fold in folds]
    joined = all(ends == begins for (_, ends), (begins, _) in pairwise(borders))
    return joined and (borders[0][0], borders[-1][1]) == (start_ms, end_ms)


@given(start_ms=STARTS, span_ms=SPANS, months=st.integers(1, 12), hours=st.integers(1, 96))
def test_monthly_folds_cover_the_span_and_are_refitted_on_the_first(
    start_ms: int, span_ms: int, months: int, hours: int
) -> None:
    folds = monthly_folds(start_ms, start_ms + span_ms, months, hours * HOUR_MS)
    assert is_covering(folds, start_ms, start_ms + span_ms)
    assert {fold.start_ms - fold.train_until_ms for fold in folds} == {hours * HOUR_MS}
    assert all(datetime.fromtimestamp(fold.start_ms / 1000, UTC).day == 1 for fold in folds[1:])


@given(start_ms=STARTS, span_ms=SPANS, test_days=st.floats(1.0, 90.0))
def test_rolling_folds_cover_the_span_in_equal_steps(start_ms: int, span_ms: int, test_days: float) -> None:
    folds = rolling_folds(start_ms, start_ms + span_ms, test_days)
    assert is_covering(folds, start_ms, start_ms + span_ms)
    assert {fold.end_ms - fold.start_ms for fold in folds[:-1]} <= {round(test_days * DAY_MS)}
    assert all(fold.start_ms - fold.train_until_ms == EMBARGO_MS for fold in folds)


@given(from_ms=STARTS, span_ms=SPANS, months=st.sampled_from((1, 3, 6)), years=st.floats(0.2, 6.0))
def test_recent_folds_leave_the_older_part_to_learn_from(from_ms: int, span_ms: int, months: int, years: float) -> None:
    until_ms = from_ms + span_ms
    folds = recent_folds(from_ms, until_ms, months=months, years=years)
    assert is_covering(folds, folds[0].start_ms, until_ms)
    assert len(folds) >= 3
    tested = until_ms - folds[0].start_ms
    assert tested <= min(years * YEAR_MS, 0.6 * span_ms) + DAY_MS
    assert folds[0].train_until_ms > from_ms


@given(from_ms=STARTS, more_days=st.integers(0, 27))
def test_next_weeks_walk_forward_has_this_weeks_borders(from_ms: int, more_days: int) -> None:
    until_ms = next_month(from_ms + 2_000 * DAY_MS, 0)
    first = {fold.start_ms for fold in recent_folds(from_ms, until_ms, years=2.0)}
    later = {fold.start_ms for fold in recent_folds(from_ms, until_ms + more_days * DAY_MS, years=2.0)}
    assert len(first & later) >= len(first) - 1


def test_what_cannot_be_folded_is_refused() -> None:
    with pytest.raises(BadInput, match="history is 59 days; a walk forward needs at least 60"):
        recent_folds(0, 59 * DAY_MS)
    with pytest.raises(BadInput, match="ascending times are needed"):
        Fold(train_until_ms=5, start_ms=5, end_ms=9)
    with pytest.raises(BadInput, match="together < 1 are needed"):
        chronological(0, 100, 0.9, 0.2)


@pytest.mark.parametrize(
    ("day", "months", "found"),
    [("2024-01-31", 1, "2024-02-01"), ("2024-12-05", 1, "2025-01-01"), ("2024-06-01", 6, "2024-12-01")],
)
def test_months_are_those_of_the_calendar(day: str, months: int, found: str) -> None:
    ms = int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000)
    assert datetime.fromtimestamp(next_month(ms, months) / 1000, UTC).date().isoformat() == found


@given(from_ms=STARTS, span_ms=SPANS)
def test_a_chronological_split_is_seventy_fifteen_fifteen(from_ms: int, span_ms: int) -> None:
    first, second = chronological(from_ms, from_ms + span_ms)
    assert (first - from_ms) / span_ms == pytest.approx(0.70)
    assert (second - first) / span_ms == pytest.approx(0.15)
