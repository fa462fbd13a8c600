"""How times and cursors are read."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bot.web.requests import LATEST_MS, Cursor, Page, cursor_of, moment_ms


@pytest.mark.parametrize(
    ("given_time", "expected"),
    [
        ("0", 0),
        (1_735_689_600_000, 1_735_689_600_000),
        ("2025-01-01", 1_735_689_600_000),
        ("2025-01-01T00:00", 1_735_689_600_000),
        ("2025-01-01T00:00:00Z", 1_735_689_600_000),
        ("2025-01-01t00:00:00z", 1_735_689_600_000),
        ("2025-01-01T01:00:00+01:00", 1_735_689_600_000),
        ("2025-01-01T01:00:00 01:00", 1_735_689_600_000),  # + unescaped in a query string
        ("2025-01-01T00:00:00.123456Z", 1_735_689_600_123),
        ("2016-12-31T23:59:60Z", 1_483_228_799_000),
        ("0001-01-01T00:00:00Z", 0),
        (LATEST_MS, LATEST_MS),
    ],
)
def test_times_are_read_as_iso_and_as_milliseconds(given_time: object, expected: int) -> None:
    assert moment_ms(given_time) == expected


@pytest.mark.parametrize("text", ["", "now", "2025-13-01", "1e3", "-5", "1.5", "9" * 15, "9" * 16])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="needed"):
        moment_ms(text)


@dataclass(frozen=True)
class Row:
    ms: int
    name: int


@given(times=some.lists(some.integers(0, 5), max_size=40), limit=some.integers(1, 9))
def test_pages_join_to_the_whole_whatever_shares_a_time(times: list[int], limit: int) -> None:
    whole = [Row(ms, name) for name, ms in enumerate(sorted(times, reverse=True))]
    found: list[Row] = []
    before: str | None = None
    for _ in range(len(whole) + 2):
        page = Page(limit=limit, before=before)
        read = [row for row in whole if page.until_ms is None or row.ms < page.until_ms][: page.rows]
        rows, before = page.cut(read, lambda row: row.ms)
        found += rows
        if before is None:
            break
    assert found == whole


def test_a_time_is_a_cursor_for_what_is_strictly_older() -> None:
    assert cursor_of("2025-01-01") == Cursor(ms=1_735_689_600_000)
    assert cursor_of("17.3") == Cursor(ms=17, skip=3)
