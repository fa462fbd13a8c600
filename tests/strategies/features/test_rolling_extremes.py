"""The largest of a window: the way without branches says what the queue says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.features.rolling import _largest, _largest_of_whole, rolling_max, rolling_min

FINITE = st.lists(st.floats(-1e9, 1e9, allow_nan=False, width=32), max_size=70)


@given(values=FINITE, window=st.integers(1, 80))
def test_both_ways_are_one(values: list[float], window: int) -> None:
    given_values = np.array(values, np.float64)
    fast, slow = _largest_of_whole(given_values, window), _largest(given_values, window)
    assert np.array_equal(fast, slow, equal_nan=True)


def test_a_gap_in_the_values_begins_anew() -> None:
    values = np.array([3.0, 9.0, np.nan, 1.0, 2.0, 1.5])
    assert rolling_max(values, 2) == pytest.approx([np.nan, 9.0, np.nan, np.nan, 2.0, 2.0], nan_ok=True)
    assert rolling_min(values, 2) == pytest.approx([np.nan, 3.0, np.nan, np.nan, 1.0, 1.5], nan_ok=True)


def test_a_prefix_of_the_values_gives_a_prefix_of_the_answer() -> None:
    values = np.random.default_rng(1).normal(size=200)
    whole = rolling_max(values, 17)
    assert all(rolling_max(values[:end], 17).tobytes() == whole[:end].tobytes() for end in range(0, 200, 13))
