"""How figures are written: undefined is a dash, signs have tones, everything is escaped once."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.kernel.state import DECISION, RefusalCode
from training.backtest.refusals import FEW_TRADES, few_trades, tally
from training.report.tables import (
    UNDEFINED,
    Cell,
    interval,
    monthly_table,
    number,
    paragraph,
    percent,
    signed_number,
    signed_percent,
    table,
)

UNKNOWN = [math.nan, math.inf, -math.inf]


@pytest.mark.parametrize("value", UNKNOWN)
def test_what_is_unknown_is_a_dash_and_has_no_tone(value: float) -> None:
    assert percent(value) == UNDEFINED
    assert signed_percent(value) == signed_number(value) == Cell(text=UNDEFINED)
    assert interval(value, math.nan) == UNDEFINED


def test_an_infinite_ratio_is_written_as_such() -> None:
    assert (number(math.inf), number(math.nan), number(1234.5)) == ("∞", UNDEFINED, "1,234.50")


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (0.123, Cell(text="+12.3 %", tone="good")),
        (-0.5, Cell(text="-50.0 %", tone="bad")),
        (0.0, Cell(text="+0.0 %")),
    ],
)
def test_a_fraction_is_shown_in_percent_with_its_sign(value: float, cell: Cell) -> None:
    assert signed_percent(value) == cell


@given(value=st.floats(-1e9, 1e9))
def test_a_signed_number_reads_back_as_itself(value: float) -> None:
    cell = signed_number(value)
    assert float(cell.text.replace(",", "")) == pytest.approx(value, abs=0.00501)
    assert cell.tone == ("good" if value > 0 else "bad" if value < 0 else "")


def test_a_table_escapes_its_cells_and_sets_words_to_the_left() -> None:
    shown = table(["name", "net"], [["<b>&", Cell(text="+1", tone="good")]], words=["name"])
    assert "&lt;b&gt;&amp;" in shown
    assert '<td class="words">' in shown
    assert '<td class="good">+1</td>' in shown
    assert paragraph("a < b", "note") == '<p class="note">a &lt; b</p>'


def test_months_stand_in_their_columns_and_years_compound() -> None:
    shown = monthly_table([("2023-12", 0.10), ("2024-01", 0.10), ("2024-03", -0.10)])
    rows = [re.findall(r"<td[^>]*>([^<]*)</td>", row) for row in shown.split("<tr>")[2:]]
    assert [row[0] for row in rows] == ["2023", "2024"]
    assert (rows[0][12], rows[0][13]) == ("+10.0 %", "+10.0 %")
    assert (rows[1][1], rows[1][2], rows[1][3], rows[1][13]) == ("+10.0 %", UNDEFINED, "-10.0 %", "-1.0 %")


def test_refusals_are_counted_by_the_kernels_names_the_most_frequent_first() -> None:
    decisions = np.zeros((4, 3), DECISION)
    decisions["refusal"][:2] = RefusalCode.WEAK.value
    decisions["refusal"][2, :2] = RefusalCode.COST.value
    assert tally(decisions) == {"weak": 6, "cost": 2}
    assert list(tally(decisions)) == ["weak", "cost"]


def test_few_trades_are_explained_and_many_are_not() -> None:
    [line] = few_trades(1, {"weak": 1200, "cost": 1})
    assert line == (
        "1 trade; entries were refused 1,201 times: 1,200 x conviction under decision.enter, "
        "1 x the expected return does not pay the costs"
    )
    assert few_trades(FEW_TRADES, {"weak": 9}) == few_trades(1, {}) == []
