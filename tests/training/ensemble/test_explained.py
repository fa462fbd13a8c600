"""What a bundle says of itself to people: skill by market, calibration, importance."""

from __future__ import annotations

import numpy as np
import pytest

from training.data.market_scores import Convictions, MarketScores
from training.ensemble.explained import calibration_curve, coin_skill, tree_importance

ROWS = 4_000
HOUR_MS = 3_600_000


def market(symbol: str, skill: float, seed: int) -> Convictions:
    rng = np.random.default_rng(seed)
    conviction = rng.normal(size=ROWS)
    target = skill * conviction + rng.normal(size=ROWS)
    run = MarketScores(
        symbol=symbol,
        open_ms=np.arange(ROWS, dtype=np.int64) * HOUR_MS,
        scores=conviction[:, None],
        target=target,
        **{name: np.zeros(ROWS) for name in rest()},
    )
    return Convictions(run=run, conviction=conviction, **{name: np.zeros(ROWS) for name in others()})


def rest() -> list[str]:
    known = {"symbol", "open_ms", "scores", "target"}
    return [name for name in MarketScores.__dataclass_fields__ if name not in known]


def others() -> list[str]:
    return [name for name in Convictions.__dataclass_fields__ if name not in {"run", "conviction"}]


def test_the_market_with_the_largest_skill_comes_first_and_one_without_rows_is_left_out() -> None:
    found = coin_skill([market("BTCUSDT", 0.05, 1), market("ETHUSDT", 0.3, 2)])
    assert [part["symbol"] for part in found] == ["ETHUSDT", "BTCUSDT"]
    assert found[0]["ic"] == pytest.approx(0.29, abs=0.04)
    assert found[0]["rows"] == ROWS


def test_the_calibration_of_a_skilled_conviction_rises_with_what_is_seen() -> None:
    curve = calibration_curve([market("BTCUSDT", 0.4, 3)], 1)
    assert len(curve) == 10
    assert curve[0]["seen"] < 0.4 < 0.6 < curve[-1]["seen"]
    assert [part["probability"] for part in curve] == sorted(part["probability"] for part in curve)


def test_trees_name_the_column_that_they_split_by() -> None:
    xgboost = pytest.importorskip("xgboost")
    rng = np.random.default_rng(4)
    columns = rng.normal(size=(2_000, 3))
    booster = xgboost.train(
        {"max_depth": 2, "nthread": 1}, xgboost.DMatrix(columns, label=columns[:, 1] + 0.1 * columns[:, 2]), 10
    )
    content = bytes(booster.save_raw("ubj"))
    found = tree_importance({"xgboost-h012-00.ubj": content, "manifest.json": b""}, ["a", "b", "c"])
    assert found[0]["feature"] == "b"
    assert sum(part["share"] for part in found) == pytest.approx(1, abs=0.001)
    assert tree_importance({}, ["a"]) == []
