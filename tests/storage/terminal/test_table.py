"""Tables: what leaves first where the line is short, and that nothing is ever cut."""

from __future__ import annotations

from operator import itemgetter

from storage.terminal.help import with_example
from storage.terminal.table import Column, facts, table

COLUMNS = (
    Column(name="market", text=itemgetter(0)),
    Column(name="price", text=itemgetter(1), is_number=True),
    Column(name="bundle", text=itemgetter(2), leaves=2),
    Column(name="side", text=itemgetter(3), leaves=1),
    Column(name="because", text=itemgetter(4), is_prose=True),
)
ROWS = [
    ("SOLUSDT", "293.09", "b-0123456789abcdef", "LONG", "the trend and the trees agree on a rise"),
    ("1000PEPEUSDT", "0.0123456", "b-fedcba9876543210", "SHORT", "stopped"),
]


def test_every_column_stands_where_there_is_room() -> None:
    assert table(COLUMNS, ROWS, width=None).splitlines() == [
        "market            price  bundle              side   because",
        "SOLUSDT          293.09  b-0123456789abcdef  LONG   the trend and the trees agree on a rise",
        "1000PEPEUSDT  0.0123456  b-fedcba9876543210  SHORT  stopped",
    ]


def test_the_least_important_column_leaves_first_and_is_named() -> None:
    assert table(COLUMNS, ROWS, width=60).splitlines() == [
        "market            price  side   because",
        "SOLUSDT          293.09  LONG   the trend and the trees",
        "                                agree on a rise",
        "1000PEPEUSDT  0.0123456  SHORT  stopped",
        "left out: bundle; --wide shows them",
    ]


def test_no_line_is_longer_than_the_width_and_nothing_that_stays_is_cut() -> None:
    for width in range(42, 130):
        shown = table(COLUMNS, ROWS, width=width)
        assert max(map(len, shown.splitlines())) <= width
        assert "1000PEPEUSDT" in shown
        assert "0.0123456" in shown


def test_what_must_stay_stays_in_a_terminal_that_is_too_narrow() -> None:
    assert "1000PEPEUSDT  0.0123456" in table(COLUMNS, ROWS, width=20)


def test_facts_leave_out_what_is_not_known() -> None:
    assert facts([("bundle", "b-01"), ("made", ""), ("recipe", "r")], width=80) == "bundle  b-01\nrecipe  r"


def test_an_example_stands_on_an_unwrapped_line_of_its_own() -> None:
    help_ = with_example("Trade a bundle.\n\n    Example: sigma backtest --model trend\n    ")
    assert help_ == "Trade a bundle.\n\n\b\nExample:\n  sigma backtest --model trend"
