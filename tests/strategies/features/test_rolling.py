"""Rolling sums, means, deviations and exponential means: what NumPy says of every window, and never of the future."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.features.rolling import (
    average_exponentially,
    difference,
    half_life_alpha,
    logarithm,
    rolling_deviation,
    rolling_mean,
    rolling_sum,
    span_alpha,
)

CELLS = st.one_of(st.floats(-1e4, 1e4, width=32), st.just(float("nan")))
VALUES = st.lists(CELLS, max_size=60).map(lambda cells: np.array(cells, np.float64))
WINDOWS = st.integers(1, 12)


def by_window(values: np.ndarray, window: int, of: Callable[[np.ndarray], float]) -> np.ndarray:
    """Return a figure of the last `window` values, NaN where they are too few or one of them is NaN."""
    return np.array([
        of(values[t - window + 1 : t + 1]) if t >= window - 1 and np.isfinite(values[t - window + 1 : t + 1]).all()
        else np.nan
        for t in range(len(values))
    ])  # fmt: skip


@given(values=VALUES, window=WINDOWS)
def test_sums_and_means_are_those_of_the_window(values: np.ndarray, window: int) -> None:
    np.testing.assert_allclose(rolling_sum(values, window), by_window(values, window, np.sum), atol=1e-6)
    np.testing.assert_allclose(rolling_mean(values, window), by_window(values, window, np.mean), atol=1e-6)


@given(values=VALUES, window=WINDOWS)
def test_deviations_are_those_of_the_window_and_never_nothing(values: np.ndarray, window: int) -> None:
    found, expected = rolling_deviation(values, window), by_window(values, window, np.std)
    assert np.array_equal(np.isnan(found), np.isnan(expected))
    known = np.isfinite(found)
    assert (found[known] >= 1e-9).all()
    np.testing.assert_allclose(found[known], expected[known], atol=2e-3)  # cancellation of squares up to 1e8


@given(values=VALUES, alpha=st.floats(0.01, 1.0))
def test_an_exponential_mean_stays_inside_what_it_has_seen(values: np.ndarray, alpha: float) -> None:
    found, mean = average_exponentially(values, alpha), np.nan
    for t, value in enumerate(values):
        if np.isfinite(value):
            mean = value if np.isnan(mean) else (1 - alpha) * mean + alpha * value
        assert found[t] == pytest.approx(mean, abs=1e-6, nan_ok=True)
        seen = values[: t + 1][np.isfinite(values[: t + 1])]
        assert not len(seen) or seen.min() - 1e-9 <= found[t] <= seen.max() + 1e-9


@given(values=VALUES, window=WINDOWS, cut=st.integers(0, 60))
def test_a_prefix_of_the_values_gives_a_prefix_of_the_answer(values: np.ndarray, window: int, cut: int) -> None:
    for of in (rolling_sum, rolling_deviation, difference):
        assert of(values[:cut], window).tobytes() == of(values, window)[:cut].tobytes()


@pytest.mark.parametrize("bars", [1.0, 5.0, 24.0])
def test_half_of_the_weight_lies_within_the_half_life(bars: float) -> None:
    weights = half_life_alpha(bars) * (1 - half_life_alpha(bars)) ** np.arange(2_000)
    assert weights[: int(bars)].sum() == pytest.approx(0.5)


def test_a_span_has_the_centre_of_mass_of_its_plain_mean() -> None:
    ages = np.arange(5_000)
    for span in (2.0, 9.0, 40.0):
        weights = span_alpha(span) * (1 - span_alpha(span)) ** ages
        assert (weights * ages).sum() == pytest.approx((span - 1) / 2, rel=1e-3)


def test_logarithms_of_what_has_none_are_unknown() -> None:
    assert logarithm(np.array([1.0, np.e, 0.0, -1.0, np.nan])) == pytest.approx([0, 1, *[np.nan] * 3], nan_ok=True)
    assert difference(np.array([1.0, 4.0, 9.0]), 1) == pytest.approx([np.nan, 3.0, 5.0], nan_ok=True)
