"""What a chart reader remarks on: patterns just confirmed, and the trend in deviations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.explain.chart_context import chart_context
from strategies.features.slope import slope_score, trend_word
from strategies.market import Timeframe
from tests.strategies.patterns.drawn_charts import LEAD_IN, drawn
from tests.strategies.patterns.test_patterns import TWO_TOPS


def test_a_pattern_is_remarked_on_with_its_age_and_level() -> None:
    candles = drawn(TWO_TOPS)
    ages = {bars: chart_context(candles[:bars], Timeframe.H1).pattern for bars in range(LEAD_IN, len(candles))}
    said = [text for text in ages.values() if text.startswith("double top")]
    assert said[0].startswith("double top just confirmed at 20")
    assert said[1].startswith("double top 1 bar ago at 20")
    assert said[2].startswith("double top 2 bars ago at 20")


def test_the_trend_is_told_with_its_size() -> None:
    rising = drawn([(0, 0), (60, 90)])
    assert "48-bar trend up (+" in ", ".join(chart_context(rising, Timeframe.H1).remarks())
    assert not np.isfinite(chart_context(rising[:20], Timeframe.H1).trend)


def test_a_straight_line_rises_by_its_slope() -> None:
    line = 0.001 * np.arange(200.0)
    score = slope_score(line, np.full(200, 0.01), 25)
    assert np.isnan(score[:25]).all()
    assert score[25:] == pytest.approx(0.001 * 25 / (0.01 * 5))


def test_a_third_of_a_random_walk_is_sideways() -> None:
    walk = np.cumsum(np.random.default_rng(3).normal(0, 0.01, 100_000))
    score = slope_score(walk, np.full(len(walk), 0.01), 24)[24:]
    assert score.std() == pytest.approx(np.sqrt(1.2), abs=0.06)
    words, counts = np.unique([trend_word(value) for value in score[::50]], return_counts=True)
    assert words.tolist() == ["down", "sideways", "up"]
    assert (counts / counts.sum()) == pytest.approx([1 / 3] * 3, abs=0.05)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 300))
def test_the_slope_looks_at_no_later_bar(length: int) -> None:
    rng = np.random.default_rng(5)
    log_close, sigma = np.cumsum(rng.normal(0, 0.01, 300)), rng.uniform(0.005, 0.02, 300)
    whole = slope_score(log_close, sigma, 24)
    assert slope_score(log_close[:length], sigma[:length], 24).tobytes() == whole[:length].tobytes()
