"""Reasoning: numbers that decided before the semicolon, chart reading after it."""

from __future__ import annotations

import numpy as np

from strategies.bundle.bundle import trend_bundle
from strategies.explain.reasons import attributions, describe_feature, explain
from strategies.features import current_slice
from strategies.market import Timeframe
from tests.made_bundles import made_bundle
from tests.made_markets import random_candles

SLICE = current_slice(random_candles(3000, seed=21), Timeframe.H1)


def test_because_names_votes_and_the_features_that_pushed_to_the_side_taken() -> None:
    bundle = made_bundle().bundle
    prepared = bundle.prepare(SLICE, "AAAUSDT")
    [inputs] = bundle.decision_inputs([prepared])
    votes = dict(zip(bundle.manifest.families, inputs.votes[-1].tolist(), strict=True))
    side = 1 if inputs.blended[-1] > 0 else -1
    text = explain(bundle, prepared, votes, 1.4 * side, side)
    because, context = text.split("; context: ")
    assert because.startswith(f"because: conviction {1.4 * side:+.2f}")
    assert f"XGBoost {votes['xgboost']:+.1f}" in because
    assert f"ridge {votes['ridge']:+.1f}" in because
    assert "RSI" in context
    assert "RSI" not in because
    shares = attributions(bundle, prepared)
    assert bundle.features is not None
    strongest = next(name for name, share in shares.items() if share * side > 0)
    value = float(prepared.features[-1, bundle.features.index(strongest)])
    assert describe_feature(strongest, value, Timeframe.H1) in because


def test_attributions_add_up_to_the_votes() -> None:
    bundle = made_bundle().bundle
    prepared = bundle.prepare(SLICE, "AAAUSDT")
    [inputs] = bundle.decision_inputs([prepared])
    weights = [bundle.manifest.weights[family] for family in bundle.manifest.families]
    assert np.isclose(sum(attributions(bundle, prepared).values()), (inputs.votes[-1] * weights).sum(), atol=1e-4)


def test_an_absent_vote_is_not_mentioned() -> None:
    bundle = made_bundle().bundle
    text = explain(bundle, bundle.prepare(SLICE, "AAAUSDT"), {"xgboost": None, "ridge": 0.5}, 1.3, 1)
    assert "XGBoost" not in text
    assert "ridge +0.5" in text


def test_the_trend_rule_counts_its_channels() -> None:
    bundle = trend_bundle(Timeframe.H1)
    text = explain(bundle, bundle.prepare(SLICE, "AAAUSDT"), {"trend": 4 / 6}, 1.67, 1)
    assert "+4 of 6 Donchian channels" in text


def test_features_are_described_in_the_units_of_the_timeframe() -> None:
    assert describe_feature("momentum_24", 1.83, Timeframe.H1) == "24 h momentum +1.8σ"
    assert describe_feature("donchian_480", 0.5, Timeframe.H1) == "20 d channel position +0.50"
    assert describe_feature("momentum_6", -0.2, Timeframe.H4) == "24 h momentum -0.2σ"
    assert describe_feature("volatility_of_volatility", 0.2, Timeframe.H1) == "volatility of volatility +0.20"
