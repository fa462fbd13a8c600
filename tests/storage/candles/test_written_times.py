"""Formats of written times are told apart by their shape first: it takes whatever `strptime` would."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from storage.candles.importing import written_times

FORMS = [day + clock for days in written_times._DATES.values() for day in days for clock in written_times._CLOCKS]
MOMENTS = st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2050, 1, 1))
DRESSES = (str, str.lower, lambda text: text.replace("0", "", 1), lambda text: text.replace(" ", "  "))


@given(MOMENTS, st.sampled_from(FORMS), st.sampled_from(FORMS), st.sampled_from(DRESSES))
def test_a_shape_takes_what_its_format_takes(moment: datetime, written: str, tried: str, dress) -> None:
    text = dress(moment.strftime(written))
    for form in (written, tried):
        if _takes(form, text):
            assert written_times._shape(form).fullmatch(text)


def test_a_shape_spares_most_formats() -> None:
    text = (datetime(2024, 2, 3) + timedelta(hours=4)).strftime("%Y-%m-%d %H:%M:%S")
    assert sum(bool(written_times._shape(form).fullmatch(text)) for form in FORMS) <= 6


def _takes(form: str, text: str) -> bool:
    try:
        datetime.strptime(text, form)
    except ValueError:
        return False
    return True
