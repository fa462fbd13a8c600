"""What benchmarks print: goals judged, rivals beside them, missing ones as a dash."""

from __future__ import annotations

import pytest

from benchmarks.__main__ import figure_of
from benchmarks.figures import Figure, document, line


@pytest.mark.parametrize(
    ("value", "goal", "is_met"),
    [
        (60e6, ">= 50e6", True),
        (40e6, ">= 50e6", False),
        (0, "== 0", True),
        (3, "<= 2", False),
        (3, "", None),
        (None, ">= 1", None),
    ],
)
def test_a_goal_is_met_missed_or_open(value: float | None, goal: str, is_met: bool | None) -> None:
    assert Figure(name="x", value=value, unit="", goal=goal).is_met is is_met


def test_a_rival_stands_beside_the_figure() -> None:
    figure = Figure(name="bars_per_s", value=6e7, unit="1/s", goal=">= 50e6", rival="vectorbt", rival_value=2e6)
    assert line(figure) == "bars_per_s 60,000,000 1/s (goal >= 50e6, met); vectorbt 2,000,000, ratio 30"


def test_a_rival_that_is_missing_is_a_dash_and_null() -> None:
    figure = Figure(name="bars_per_s", value=1.5, unit="1/s", rival="vectorbt")
    assert line(figure) == "bars_per_s 1.5 1/s; vectorbt –"
    row = document("kernel", [figure])["figures"][0]
    assert (row["rival_value"], row["ratio"]) == (None, None)


def test_a_row_survives_being_written_and_read() -> None:
    figure = Figure(name="p99_ms", value=12.5, unit="ms", goal="<= 50", rival="aiohttp", rival_value=2.5)
    assert figure_of(document("feed", [figure])["figures"][0]) == figure
