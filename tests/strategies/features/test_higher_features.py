"""Coarser candles as features: whole ones only, seen from their close on, the same live and in history."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.errors import BadInput
from strategies.explain.reasons import describe_feature
from strategies.features import (
    LEAN,
    WARM_UP_BARS,
    block_slices,
    compute,
    current_slice,
    feature_set,
    higher_groups,
)
from strategies.features.bars import bars_of
from strategies.features.higher import coarse_candles
from strategies.market import HOUR_MS, OPEN_MS, Timeframe
from tests.made_markets import random_candles

HOUR = Timeframe.H1
BOTH = feature_set(groups=(*LEAN, *higher_groups([Timeframe.H4, Timeframe.D1])))
CANDLES = random_candles(3000, seed=4)
WHOLE = compute(CANDLES, BOTH, HOUR)


def test_coarse_candles_are_put_together_from_whole_groups_of_bars() -> None:
    begin = 1_699_999_200_000  # 22:00: two stray hours before midnight
    candles = random_candles(31, seed=1, start_ms=begin)
    days, closed = coarse_candles(bars_of(candles, HOUR), Timeframe.D1)
    assert len(days) == 1
    day = candles[2:26]
    expected = [begin + 2 * HOUR_MS, day[0, 1], day[:, 2].max(), day[:, 3].min(), day[-1, 4], day[:, 5].sum()]
    assert days[0].tolist() == pytest.approx(expected)
    assert closed.tolist() == [0] * 25 + [1] * 6


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 3000))
def test_truncating_the_future_changes_no_bit(length: int) -> None:
    assert compute(CANDLES[:length], BOTH, HOUR).tobytes() == WHOLE[:length].tobytes()


def test_a_forming_candle_is_not_seen_before_it_closes() -> None:
    column = BOTH.index("4h_momentum_1")
    closes = (CANDLES[:, OPEN_MS].astype(np.int64) + HOUR_MS) % Timeframe.H4.ms == 0
    changed = np.flatnonzero(np.diff(WHOLE[500:, column]) != 0) + 501
    assert closes[changed].all()
    assert len(changed) > 600


def test_columns_equal_those_of_real_candles_of_the_coarse_timeframe() -> None:
    first = int(-(CANDLES[0, OPEN_MS] // HOUR_MS) % 4)
    whole = CANDLES[first : first + (len(CANDLES) - first) // 4 * 4].reshape(-1, 4, 6)
    four = np.column_stack(
        [
            whole[:, 0, 0],
            whole[:, 0, 1],
            whole[:, :, 2].max(1),
            whole[:, :, 3].min(1),
            whole[:, -1, 4],
            whole[:, :, 5].sum(1),
        ]
    )
    alone = feature_set(timeframe=Timeframe.H4)
    expected = compute(four, alone, Timeframe.H4)
    at = first + 4 * np.arange(len(four)) + 3
    for name in ("momentum_42", "donchian_120", "efficiency_6", "skew"):
        ours, theirs = WHOLE[at, BOTH.index(f"4h_{name}")], expected[:, alone.index(name)]
        known = np.isfinite(ours)
        assert known.sum() > 200
        assert ours[known].tobytes() == theirs[known].tobytes(), name


def test_live_computes_the_bits_of_history() -> None:
    candles = random_candles(6000, seed=8)
    parts = block_slices(candles, HOUR)
    history = np.concatenate([compute(part.candles, BOTH, HOUR)[part.first :] for part in parts])
    for end in (3001, 4100, 5003, 6000):
        live = current_slice(candles[max(0, end - 2912) : end], HOUR)
        assert compute(live.candles, BOTH, HOUR)[-1].tobytes() == history[end - 1].tobytes()


def test_every_column_is_warm_at_the_first_row_of_a_block() -> None:
    assert BOTH.warm_up.max() <= WARM_UP_BARS
    for index, warm_up in enumerate(BOTH.warm_up):
        assert np.isnan(WHOLE[:warm_up, index]).all(), BOTH.names[index]
        assert np.isfinite(WHOLE[warm_up:, index]).all(), BOTH.names[index]
    assert len(set(BOTH.names)) == len(BOTH.names)
    assert {"4h_momentum_360", "1d_momentum_60"} <= set(BOTH.names)
    assert "1d_momentum_120" not in BOTH.names  # 120 days do not fit into a slice


def test_a_set_with_coarser_candles_has_another_fingerprint() -> None:
    assert BOTH.fingerprint != feature_set().fingerprint
    assert feature_set(groups=(*LEAN, "higher_4h")).fingerprint != BOTH.fingerprint


@pytest.mark.parametrize(
    ("group", "needed"), [("higher_7h", "one of"), ("higher_1h", "divides"), ("higher_15m", "divides")]
)
def test_a_timeframe_that_is_not_coarser_is_refused(group: str, needed: str) -> None:
    with pytest.raises(BadInput, match=needed):
        feature_set(groups=(group,))


def test_coarse_features_are_described_by_their_candles() -> None:
    assert describe_feature("4h_momentum_18", 1.84, HOUR) == "4h candles: 3 d momentum +1.8σ"
    assert describe_feature("1d_skew", 0.2, HOUR) == "1d candles: skew +0.20"
