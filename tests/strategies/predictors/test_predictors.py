"""Every predictor: the same bits for one row, many rows and rows in another order; opposite scores for the mirror
image.
"""

from __future__ import annotations

import pickle
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.config.models import RidgeSettings, XGBoostSettings
from strategies.bundle.bundle import trend_bundle
from strategies.errors import BundleRefused
from strategies.features import AnchoredSlice, block_slices, compute, feature_set, volatility
from strategies.market import Timeframe
from strategies.predictors.base import PreparedSlice
from strategies.predictors.load import load_predictor
from strategies.predictors.ridge import RidgePredictor
from strategies.predictors.trend import TrendPredictor, channel_state
from strategies.predictors.xgboost import XGBoostPredictor
from tests.made_markets import random_candles
from training.data.dataset import Dataset, StoredCandles, market_segments
from training.families import ridge
from training.families.xgboost import trainer as xgboost

FEATURES = feature_set()
HOUR = Timeframe.H1


@cache
def dataset() -> Dataset:
    candles = random_candles(3200, seed=2, edge=0.1)
    stored = StoredCandles(candles=candles, source=np.zeros(len(candles), np.uint8))
    return Dataset(
        exchange="made",
        symbols=("AAAUSDT",),
        timeframe=HOUR,
        features=FEATURES,
        horizon_bars=12,
        until_ms=int(candles[-1, 0]) + HOUR.ms,
        segments=tuple(market_segments("AAAUSDT", stored, HOUR, FEATURES, 12)),
        data_hash="made",
    )


@cache
def boosted() -> XGBoostPredictor:
    settings_ = XGBoostSettings(n_estimators=30, seeds=2, min_child_weight=20)
    return xgboost.fit(dataset(), dataset().until_ms, settings_).predictor


@cache
def linear() -> RidgePredictor:
    return ridge.fit(dataset(), dataset().until_ms, RidgeSettings()).predictor


def prepared(part: AnchoredSlice) -> PreparedSlice:
    sigma, annual = volatility(part.candles, HOUR)
    return PreparedSlice(
        candles=part.candles,
        features=compute(part.candles, FEATURES, HOUR),
        sigma=sigma,
        volatility=annual,
        first=part.first,
        symbol="AAAUSDT",
    )


ROWS = compute(random_candles(3000, seed=4), FEATURES, HOUR)


@pytest.mark.parametrize("make", [boosted, linear])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_scores_have_the_same_bits_alone_together_and_permuted(make, data) -> None:
    predictor = make()
    chosen = np.array(data.draw(st.lists(st.integers(0, len(ROWS) - 1), min_size=1, max_size=64)))
    together = predictor.score_rows(ROWS[chosen])
    alone = np.concatenate([predictor.score_rows(ROWS[row : row + 1]) for row in chosen])
    order = np.array(data.draw(st.permutations(range(len(chosen)))))
    assert together.tobytes() == alone.tobytes()
    assert predictor.score_rows(ROWS[chosen][order]).tobytes() == together[order].tobytes()


@pytest.mark.parametrize("make", [boosted, linear])
def test_the_mirror_image_gets_exactly_the_opposite_score(make) -> None:
    signs = np.where(FEATURES.directional, -1, 1).astype(np.float32)
    assert np.array_equal(make().score_rows(ROWS), -make().score_rows(ROWS * signs))


@pytest.mark.parametrize("make", [boosted, linear])
def test_contributions_add_up_to_the_score(make) -> None:
    rows = ROWS[-50:]
    assert np.allclose(make().contributions(rows).sum(1), make().score_rows(rows), atol=1e-5)


@pytest.mark.parametrize("make", [boosted, linear, lambda: TrendPredictor(HOUR)])
def test_slices_scored_together_equal_slices_scored_alone(make) -> None:
    predictor = make()
    slices = [prepared(part) for part in block_slices(random_candles(3500, seed=6), HOUR)]
    together = predictor.scores(slices)
    for part, scores in zip(slices, together, strict=True):
        [alone] = predictor.scores([part])
        assert alone.tobytes() == scores.tobytes()
        assert len(scores) == part.rows


def test_rows_whose_deviation_is_unknown_get_no_score() -> None:
    [first, *_] = [prepared(part) for part in block_slices(random_candles(600, seed=6), HOUR)]
    [scores] = linear().scores([first])
    assert np.isnan(scores[:240]).all()
    assert np.isfinite(scores[240:]).all()


@pytest.mark.parametrize(
    "raw", [b"", b"{}", b"not a model", b"{L" + bytes(7) + b"\x07learner{", pickle.dumps({"booster": 1})]
)
def test_bytes_that_are_no_booster_are_refused(raw: bytes) -> None:
    with pytest.raises(BundleRefused):
        XGBoostPredictor([raw], FEATURES.directional)


def test_a_booster_for_another_feature_set_is_refused() -> None:
    model = xgboost.fit(dataset(), dataset().until_ms, XGBoostSettings(n_estimators=2, seeds=1))
    with pytest.raises(BundleRefused, match="30 features"):
        XGBoostPredictor(model.boosters, np.zeros(7, bool))


@pytest.mark.parametrize(
    "content", [b"", b"{}", b'{"directional": [0], "modulators": [], "deviations": [0], "weights": [1]}']
)
def test_a_damaged_linear_model_is_refused(content: bytes) -> None:
    with pytest.raises(BundleRefused):
        load_predictor("ridge", {"ridge.json": content}, FEATURES)


def test_an_unknown_family_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BundleRefused, match="xgboost"):
        load_predictor("oracle", {}, FEATURES)


def test_a_channel_goes_long_at_a_new_high_and_leaves_at_its_trailing_middle() -> None:
    close = np.array([10, 9, 10, 11, 12, 13, 12, 11, 10.5, 10, 12.0])
    highest = np.array([np.nan, np.nan, 10, 11, 12, 13, 13, 13, 12, 11, 12.0])
    lowest = np.array([np.nan, np.nan, 9, 9, 10, 11, 12, 11, 10.5, 10, 10.0])
    #                                        long from 10 on; the stop trails 9.5 10 11 12 12.5 and is met at 12
    assert channel_state(close, highest, lowest, False).tolist() == [0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1]


def test_the_trend_rule_is_long_in_a_rise_flat_in_a_fall_and_short_only_when_allowed() -> None:
    candles = random_candles(2600, seed=1)
    drift = np.exp(0.003 * np.arange(2600))[:, None]
    rising, falling = candles.copy(), candles.copy()
    rising[:, 1:5] *= drift
    falling[:, 1:5] /= drift
    for market, allow_short, expected in ((rising, False, 1.0), (falling, False, 0.0), (falling, True, -1.0)):
        part = prepared(AnchoredSlice(candles=market, first=2599))
        [score] = TrendPredictor(HOUR, allow_short).scores([part])
        assert score[0] == expected


def test_half_of_the_channels_long_is_a_conviction_that_enters() -> None:
    bundle = trend_bundle(HOUR)
    assert bundle.conviction(0.5) == pytest.approx(1.25)
    assert bundle.conviction(1 / 6) > 0.35 > bundle.conviction(0.13)
    assert np.isnan(bundle.expected_return(1.0, 0.01))
    assert not bundle.manifest.cost_filter
