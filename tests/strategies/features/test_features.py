"""Features: causal to the bit, the same live and in history, indifferent to what came before a gap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.errors import BadInput, DataGap
from strategies.features import (
    CLASSICAL,
    HISTORY_BARS,
    LEAN,
    WARM_UP_BARS,
    block_slices,
    compute,
    current_slice,
    feature_set,
    volatility,
)
from strategies.market import OPEN_MS, Timeframe
from tests.made_markets import mirrored, random_candles, real_candles

HOUR = Timeframe.H1
EVERYTHING = feature_set(groups=LEAN + CLASSICAL)
CANDLES = random_candles(3000, seed=3)
WHOLE = compute(CANDLES, EVERYTHING, HOUR)


def test_the_default_set_is_the_lean_thirty() -> None:
    features = feature_set()
    assert len(features.names) == 30
    assert set(features.groups) == set(LEAN)
    assert len(set(EVERYTHING.names)) == len(EVERYTHING.names) >= 45


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 3000))
def test_truncating_the_future_changes_no_bit(length: int) -> None:
    assert compute(CANDLES[:length], EVERYTHING, HOUR).tobytes() == WHOLE[:length].tobytes()


def test_columns_are_nan_before_their_warm_up_and_finite_after_it() -> None:
    for index, warm_up in enumerate(EVERYTHING.warm_up):
        assert np.isnan(WHOLE[:warm_up, index]).all(), EVERYTHING.names[index]
        assert np.isfinite(WHOLE[warm_up:, index]).all(), EVERYTHING.names[index]
    assert EVERYTHING.warm_up.max() <= WARM_UP_BARS


def test_directional_columns_change_sign_in_a_mirrored_market_and_others_do_not() -> None:
    candles = random_candles(2500, seed=9)
    candles[:, 1:5] = 30_000 * (candles[:, 1:5] / 30_000) ** 0.05  # so calm that 1 / price is nearly a straight line
    names = [name for name in feature_set().names if name not in ("bar_range", "volatility_of_volatility")]
    straight = compute(candles, feature_set(), HOUR)[-500:]
    image = compute(mirrored(candles), feature_set(), HOUR)[-500:]
    for name in names:
        index = feature_set().index(name)
        sign = -1 if feature_set().directional[index] else 1
        assert np.allclose(straight[:, index], sign * image[:, index], atol=0.02), name


def test_live_row_equals_the_row_of_history_over_twenty_thousand_real_candles_with_restarts() -> None:
    candles = real_candles()[-20_000 - HISTORY_BARS :]
    features = feature_set()
    slices = block_slices(candles, HOUR, int(candles[HISTORY_BARS, OPEN_MS]))
    history = np.concatenate([compute(part.candles, features, HOUR)[part.first :] for part in slices])
    sigmas = np.concatenate([volatility(part.candles, HOUR)[0][part.first :] for part in slices])
    assert len(history) == 20_000
    rng = np.random.default_rng(5)
    for row in rng.choice(20_000, 150, replace=False):
        newest = HISTORY_BARS + int(row) + 1
        kept = candles[max(0, newest - HISTORY_BARS - int(rng.integers(0, 900))) : newest]  # what a restart has loaded
        live = current_slice(kept, HOUR)
        assert live.first == len(live.candles) - 1
        assert compute(live.candles, features, HOUR)[-1].tobytes() == history[row].tobytes()
        assert volatility(live.candles, HOUR)[0][-1] == sigmas[row]


def test_blocks_ask_for_every_candle_exactly_once() -> None:
    candles = np.concatenate([CANDLES[:700], CANDLES[720:]])  # a gap of twenty bars
    slices = block_slices(candles, HOUR)
    asked = np.concatenate([part.candles[part.first :, OPEN_MS] for part in slices])
    assert np.array_equal(asked, candles[:, OPEN_MS])
    for part in slices:
        compute(part.candles, feature_set(), HOUR)  # contiguous, else DataGap


def test_rows_after_a_hole_know_nothing_from_before_it() -> None:
    after = CANDLES[720:]
    joined = np.concatenate([CANDLES[:700], after])
    for end in (800, 1500, 2400):
        live = current_slice(joined[: 700 + end], HOUR)
        fresh = current_slice(after[:end], HOUR)
        assert np.array_equal(live.candles, fresh.candles)


def test_a_hole_in_a_slice_is_refused_with_its_place() -> None:
    with pytest.raises(DataGap, match="2 bars of 1h"):
        compute(np.delete(CANDLES[:200], 100, axis=0), feature_set(), HOUR)


def test_another_timeframe_than_the_sets_is_refused() -> None:
    with pytest.raises(BadInput, match="made for 4h"):
        compute(CANDLES[:200], feature_set(timeframe=Timeframe.H4), HOUR)


def test_an_unknown_group_is_named_with_the_known_ones() -> None:
    with pytest.raises(BadInput, match=r"'momentun'.*momentum"):
        feature_set(groups=("momentun",))


def test_the_fingerprint_names_everything_that_changes_values() -> None:
    prints = {
        feature_set().fingerprint,
        feature_set(groups=LEAN[:4]).fingerprint,
        feature_set(timeframe=Timeframe.H4).fingerprint,
        feature_set(extra=("aroon(25)",)).fingerprint,
        feature_set(extra=("aroon(14)",)).fingerprint,
    }
    assert len(prints) == 5
    assert feature_set().fingerprint == feature_set().fingerprint


def test_flat_markets_without_volume_give_finite_features() -> None:
    flat = CANDLES[:2600].copy()
    flat[:, 1:5], flat[:, 5] = 100.0, 0.0
    values = compute(flat, EVERYTHING, HOUR)
    for index, warm_up in enumerate(EVERYTHING.warm_up):
        assert np.isfinite(values[warm_up:, index]).all(), EVERYTHING.names[index]


@pytest.mark.parametrize("timeframe", list(Timeframe))
def test_every_timeframe_fits_its_memory_into_the_warm_up(timeframe: Timeframe) -> None:
    features = feature_set(groups=LEAN + CLASSICAL, timeframe=timeframe)
    assert features.warm_up.max() <= WARM_UP_BARS
    candles = random_candles(300, step_ms=timeframe.ms, start_ms=0)
    assert compute(candles, features, timeframe).shape == (300, len(features.names))
