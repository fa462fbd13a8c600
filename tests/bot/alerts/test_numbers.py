"""Numbers as people read them: as many digits as mean something, and never in powers of ten."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.alerts.numbers import basis_points, price, quantity, reason, share, stamp
from strategies.kernel.state import Reason

VALUES = st.floats(1e-9, 1e9)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (61_250.5, "61,250.5"),
        (61_250.0, "61,250"),
        (1_000.999, "1,001"),
        (999.5, "999.5"),
        (0.00001203, "0.00001203"),
        (1.0, "1"),
        (None, "none"),
    ],
)
def test_a_price_has_the_digits_that_mean_something(value: float | None, text: str) -> None:
    assert price(value) == text


@given(value=VALUES)
def test_prices_and_amounts_read_back_as_themselves_and_have_no_exponent(value: float) -> None:
    for text in (price(value), quantity(value)):
        assert "e" not in text.lower()
        assert float(text.replace(",", "")) == pytest.approx(value, rel=1e-5, abs=0.005 if value >= 1_000 else 0)


@given(value=VALUES)
def test_a_signed_amount_says_its_side(value: float) -> None:
    assert quantity(value, signed=True) == f"+{quantity(value)}"
    assert quantity(-value, signed=True) == f"-{quantity(value)}"


@pytest.mark.parametrize("value", [None, math.nan])
def test_what_is_unknown_is_said_and_not_shown_as_nothing(value: float | None) -> None:
    assert (share(value), share(value, signed=True), basis_points(value)) == ("?", "?", "unknown")


def test_fractions_are_percentages_and_basis_points() -> None:
    assert (share(0.456), share(0.0123, signed=True), share(-0.5, signed=True)) == ("46%", "+1.23%", "-50.00%")
    assert (basis_points(0.00123), basis_points(-0.0001, signed=True)) == ("12.3 bp", "-1.0 bp")


def test_every_reason_of_the_kernel_has_words_of_its_own() -> None:
    names = [part.name.lower() for part in Reason if part.name != "NONE"]
    said = {name: reason(name) for name in names}
    assert len(set(said.values())) == len(names)
    assert reason("something_new") == "something new"


def test_times_are_written_long_and_short() -> None:
    assert stamp(1_735_912_800_000) == "2025-01-03 14:00 UTC"
    assert stamp(1_735_912_800_000, short=True) == "01-03 14:00"
    assert stamp(None) == "an unknown time"
