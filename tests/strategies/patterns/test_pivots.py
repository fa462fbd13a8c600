"""Zigzag pivots: alternating turning points, each confirmed later than it stands, none ever redrawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.patterns.flags import least_squares
from strategies.patterns.pivots import REVERSAL_ATR, zigzag

WALKS = st.builds(
    lambda seed, bars: np.cumsum(np.random.default_rng(seed).normal(size=bars)), st.integers(0, 999), st.integers(0, 90)
)


def bars_of(close: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return close + 0.4, close - 0.4, np.full(len(close), 0.8)


@given(close=WALKS)
def test_highs_and_lows_alternate_and_are_the_extremes_between_their_neighbours(close: np.ndarray) -> None:
    high, low, atr = bars_of(close)
    found = zigzag(high, low, atr)
    assert (found.confirm > found.row).all()
    assert (np.diff(found.row) > 0).all()
    assert (found.is_high[1:] != found.is_high[:-1]).all()
    for number, (row, is_high) in enumerate(zip(found.row, found.is_high, strict=True)):
        after = found.row[number - 1] if number else row
        between = slice(min(after, row), found.confirm[number] + 1)
        extreme = high[between].max() if is_high else low[between].min()
        assert found.price[number] == (high if is_high else low)[row] == extreme


@given(close=WALKS)
def test_a_pivot_is_confirmed_by_the_reversal_and_not_before(close: np.ndarray) -> None:
    high, low, atr = bars_of(close)
    found = zigzag(high, low, atr)
    for row, confirm, is_high in zip(found.row, found.confirm, found.is_high, strict=True):
        back = high[row] - low[row + 1 : confirm + 1] if is_high else high[row + 1 : confirm + 1] - low[row]
        assert back[-1] >= REVERSAL_ATR * atr[0] > back[:-1].max(initial=0.0)


@given(close=WALKS, cut=st.integers(0, 90))
def test_a_prefix_of_the_bars_gives_the_pivots_that_were_known_then(close: np.ndarray, cut: int) -> None:
    whole, part = zigzag(*bars_of(close)), zigzag(*bars_of(close[:cut]))
    known = whole.confirm < cut
    assert np.array_equal(part.row, whole.row[known])
    assert np.array_equal(part.price, whole.price[known])


@given(close=WALKS)
def test_upside_down_the_chart_has_the_same_turning_points(close: np.ndarray) -> None:
    high, low, atr = bars_of(close)
    found, flipped = zigzag(high, low, atr).flipped(), zigzag(-low, -high, atr)
    shared = min(len(found.row), len(flipped.row))
    assert abs(len(found.row) - len(flipped.row)) <= 1  # where the first leg begins both ways at once, high comes first
    assert np.array_equal(found.price[-shared:], flipped.price[-shared:]) if shared else True


@given(seed=st.integers(0, 999), first=st.integers(0, 10), count=st.integers(2, 30))
def test_the_line_through_closes_is_that_of_least_squares(seed: int, first: int, count: int) -> None:
    values = np.random.default_rng(seed).normal(size=40)
    slope, begin = least_squares(values, first, first + count)
    expected = np.polyfit(np.arange(count), values[first : first + count], 1)
    assert (slope, begin) == pytest.approx(tuple(expected), abs=1e-9)
