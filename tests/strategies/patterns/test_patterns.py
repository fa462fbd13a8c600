"""Patterns: found on shapes drawn by hand, at the bar that completes them, and never changed by what comes later."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.patterns import Pattern, find_patterns, last_pattern, title
from strategies.patterns.chart import chart_of
from tests.made_markets import random_candles, real_candles
from tests.strategies.patterns.drawn_charts import LEAD_IN, LEVEL, Points, drawn, upside_down

#   points: bars after the lead-in, height; each bar's range is about 1, so heights read as average ranges
SHOULDERS: Points = [(0, 0), (8, 8), (14, 4), (24, 14), (34, 4), (40, 8), (52, -3)]
TWO_TOPS: Points = [(0, 0), (12, 10), (20, 4), (28, 10), (40, -2)]
RISING_BOTTOM: Points = [(0, 0), (10, 10), (18, 0), (28, 10), (34, 5), (39, 10), (44, 15)]
CLOSING_IN: Points = [(0, 0), (10, 12), (17, 0), (24, 10), (30, 2), (34, 8), (38, 16)]
FLAG: Points = [(0, 0), (6, 12), (8, 10), (10, 11), (12, 9), (14, 10), (16, 8), (18, 9), (22, 16)]
PENNANT: Points = [(0, 0), (6, 18), (8, 14), (10, 17), (12, 14.6), (14, 16.4), (16, 15.2), (18, 15.8), (22, 26)]

CANDLES = random_candles(8000, seed=11)
WHOLE = find_patterns(CANDLES)


def names(candles: np.ndarray) -> list[str]:
    """Return the patterns found, engulfing candles left out: straight strokes turn without them or with them."""
    hits = find_patterns(candles)
    return [Pattern(int(hit["pattern"])).name for hit in hits if hit["pattern"] < Pattern.BULLISH_ENGULFING]


def only(candles: np.ndarray, pattern: Pattern) -> np.void:
    (hit,) = [hit for hit in find_patterns(candles) if hit["pattern"] == pattern]
    return hit


@pytest.mark.parametrize(
    ("points", "quiet_from", "upright", "image"),
    [
        (SHOULDERS, None, Pattern.HEAD_AND_SHOULDERS, Pattern.INVERSE_HEAD_AND_SHOULDERS),
        (TWO_TOPS, None, Pattern.DOUBLE_TOP, Pattern.DOUBLE_BOTTOM),
        (RISING_BOTTOM, None, Pattern.ASCENDING_TRIANGLE, Pattern.DESCENDING_TRIANGLE),
        (CLOSING_IN, None, Pattern.SYMMETRICAL_TRIANGLE, Pattern.SYMMETRICAL_TRIANGLE),
        (FLAG, 7, Pattern.BULL_FLAG, Pattern.BEAR_FLAG),
        (PENNANT, 7, Pattern.BULL_PENNANT, Pattern.BEAR_PENNANT),
    ],
)
def test_a_drawn_shape_is_found_and_upside_down_it_is_its_counterpart(
    points: Points, quiet_from: int | None, upright: Pattern, image: Pattern
) -> None:
    candles = drawn(points, quiet_from=quiet_from)
    straight, turned = only(candles, upright), only(upside_down(candles), image)
    assert straight["side"] == -turned["side"] != 0
    assert [straight[key] for key in ("start", "end", "confirm")] == [
        turned[key] for key in ("start", "end", "confirm")
    ]
    assert straight["level"] - LEVEL == pytest.approx(LEVEL - turned["level"])


def test_head_and_shoulders_span_the_shoulders_and_are_known_when_the_neckline_breaks() -> None:
    candles = drawn(SHOULDERS)
    hit = only(candles, Pattern.HEAD_AND_SHOULDERS)
    assert abs(hit["start"] - (LEAD_IN + 8)) <= 1
    assert abs(hit["end"] - (LEAD_IN + 40)) <= 1
    assert candles[hit["confirm"], 4] < hit["level"] <= candles[hit["confirm"] - 1, 4]
    assert hit["level"] == pytest.approx(LEVEL + 3.5, abs=0.6)  # the lows of the valleys
    assert "HEAD_AND_SHOULDERS" not in names(candles[: hit["confirm"]])


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        ([(0, 0), (8, 8), (14, 4), (24, 14), (34, 4), (40, 8), (52, 15)], "the price rose above the right shoulder"),
        ([(0, 0), (8, 8), (14, 4), (24, 14), (34, 4), (40, 12), (52, -3)], "the shoulders are unequal"),
        ([(0, 0), (8, 8), (14, 4), (24, 8.2), (34, 4), (40, 8), (52, -3)], "there is no head"),
        ([(0, 0), (8, 8), (14, 4), (24, 14), (34, -2), (40, 8), (52, -3)], "the neckline is no line"),
    ],
)
def test_what_is_not_a_head_and_shoulders_is_not_called_one(points: Points, reason: str) -> None:
    assert "HEAD_AND_SHOULDERS" not in names(drawn(points)), reason


def test_two_tops_need_a_break_of_the_valley_and_equal_heights() -> None:
    assert "DOUBLE_TOP" not in names(drawn([*TWO_TOPS[:-1], (34, 5), (40, 14)]))
    assert "DOUBLE_TOP" not in names(drawn([(0, 0), (12, 10), (20, 4), (28, 13), (40, -2)]))


def test_a_flag_needs_falling_volume_and_a_shallow_rest() -> None:
    assert "BULL_FLAG" not in names(drawn(FLAG))
    deep: Points = [(0, 0), (6, 12), (8, 6), (10, 7), (12, 4), (14, 5), (16, 2), (18, 3), (22, 16)]
    assert "BULL_FLAG" not in names(drawn(deep, quiet_from=7))


def test_a_large_candle_that_turns_a_fall_engulfs_and_a_small_one_does_not() -> None:
    fall: Points = [(0, 0), (6, -4)]
    assert only(drawn([*fall, (7, -2)]), Pattern.BULLISH_ENGULFING)["confirm"] == LEAD_IN + 7
    assert only(upside_down(drawn([*fall, (7, -2)])), Pattern.BEARISH_ENGULFING)["confirm"] == LEAD_IN + 7
    assert not len(find_patterns(drawn([*fall, (7, -3.6)])))


def test_a_straight_line_and_a_dead_market_hold_nothing() -> None:
    assert not len(find_patterns(drawn([(0, 0), (200, 60)])))
    assert not len(find_patterns(drawn([(0, 0), (200, 0)])))
    assert not len(find_patterns(CANDLES[:1]))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, len(CANDLES)))
def test_truncating_the_future_changes_no_confirmed_pattern(length: int) -> None:
    known = WHOLE[WHOLE["confirm"] < length]
    assert find_patterns(CANDLES[:length]).tobytes() == known.tobytes()


def test_a_pivot_is_confirmed_after_it_happened_and_pivots_alternate() -> None:
    pivots = chart_of(CANDLES).pivots
    assert (pivots.confirm > pivots.row).all()
    assert (np.diff(pivots.confirm) > 0).all()
    assert (pivots.is_high[1:] != pivots.is_high[:-1]).all()
    assert (np.where(pivots.is_high[:-1], -1, 1) * np.diff(pivots.price) > 0).all()


def test_every_hit_is_in_order_and_shares_no_bars_with_another_of_its_kind() -> None:
    assert (np.diff(WHOLE["confirm"]) >= 0).all()
    assert ((WHOLE["start"] < WHOLE["end"]) & (WHOLE["end"] <= WHOLE["confirm"])).all()
    assert len(np.unique(WHOLE["pattern"])) >= 11
    for pattern in Pattern:
        own = WHOLE[WHOLE["pattern"] == pattern]
        assert (own["start"][1:] >= own["end"][:-1]).all(), pattern


def test_patterns_are_rare_on_recorded_candles() -> None:
    candles = real_candles()
    a_year = 8760 / len(candles) * np.bincount(find_patterns(candles)["pattern"], minlength=14)
    assert (a_year[1:12] > 1).all()
    assert (a_year[1:12] < 60).all()
    assert (a_year[12:] < 400).all()


def test_the_last_pattern_is_the_rarest_of_the_newest_bar_and_has_a_title() -> None:
    candles = drawn(SHOULDERS)
    hit = last_pattern(candles, 24)
    assert hit is not None
    assert title(hit) == "head & shoulders"
    assert last_pattern(candles[:LEAD_IN], 24) is None
    assert title(only(drawn(RISING_BOTTOM), Pattern.ASCENDING_TRIANGLE)) == "ascending triangle broken upwards"
