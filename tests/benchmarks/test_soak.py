"""The soak's parts in their shortest form: what they break loses nothing, and what is lost they see."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.soak import databases, feed_faults
from benchmarks.soak.__main__ import soak, sums
from benchmarks.soak.memory import WEEK, _row
from benchmarks.soak.rows import Row, Soaking


def soaking(folder: Path, seconds: float) -> Soaking:
    return Soaking(folder=folder, seed=7, seconds=seconds, is_nightly=True)


def test_an_hour_of_a_fault_is_stored_as_it_was_traded(tmp_path: Path) -> None:
    row = next(feed_faults.run(soaking(tmp_path, 600.0)))
    assert row.what.startswith("drop")
    assert row.tried == 360
    assert row.lost == 0


def test_a_trader_goes_on_when_its_database_comes_back(tmp_path: Path) -> None:
    row = next(databases.run(soaking(tmp_path, 600.0)))
    assert (row.tried, row.lost) == (60, 0)


@pytest.mark.parametrize(("slope", "lost"), [(0.0, 0), (200.0, 1)])
def test_memory_that_grows_for_a_week_is_a_loss(slope: float, lost: int) -> None:
    samples = [(minute, 300.0 + slope * minute / WEEK) for minute in range(0, WEEK, 60)]
    assert _row(samples, 0, 1.0).lost == lost


def test_too_short_a_time_says_nothing_of_memory() -> None:
    assert "nothing can be said" in _row([(0, 300.0), (5, 400.0)], 0, 1.0).note


def test_a_part_that_fails_is_a_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_given: Soaking) -> list[Row]:
        raise RuntimeError("no market")

    monkeypatch.setattr("benchmarks.soak.__main__.PARTS", {"feed": (failing, 1.0)})
    (row,) = soak(["feed"], seed=1, seconds=1.0)
    assert (row.lost, row.note) == (1, "RuntimeError: no market")


def test_every_part_has_a_sum_of_its_own_and_there_is_one_of_all() -> None:
    rows = [
        Row(part="clocks", what="one", tried=15, lost=0, seconds=1.0),
        Row(part="clocks", what="another", tried=15, lost=1, seconds=1.0),
        Row(part="properties", what="a file", tried=7, lost=0, seconds=1.0),
    ]
    assert [(row.part, row.tried, row.lost) for row in sums(rows)] == [
        ("clocks", 30, 1),
        ("properties", 7, 0),
        ("all", 37, 1),
    ]
