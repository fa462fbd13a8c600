"""Invented charts: whole candles in another order or upside down, with the patterns that rules find in them."""

from __future__ import annotations

import numpy as np
import pytest

from strategies.market import CLOSE, HIGH, LOW, OPEN
from strategies.patterns import Pattern, find_patterns
from tests.made_bundles import made_dataset
from tests.made_markets import random_candles
from tests.strategies.patterns.drawn_charts import drawn
from tests.strategies.patterns.test_patterns import SHOULDERS
from training.families.xgboost.classification_rows import invented_rows
from training.families.xgboost.invented_charts import BLOCK_BARS, invented, shuffled, upside_down

CANDLES = random_candles(1000, seed=2)


def moves(candles: np.ndarray) -> np.ndarray:
    return np.diff(np.log(candles[:, CLOSE]))


def test_upside_down_every_rise_is_a_fall_and_candles_stay_candles() -> None:
    image = upside_down(CANDLES)
    assert moves(image) == pytest.approx(-moves(CANDLES))
    assert (image[:, HIGH] >= image[:, [OPEN, CLOSE]].max(1)).all()
    assert (image[:, LOW] <= image[:, [OPEN, CLOSE]].min(1)).all()
    assert Pattern.INVERSE_HEAD_AND_SHOULDERS in find_patterns(upside_down(drawn(SHOULDERS)))["pattern"]


def test_shuffled_blocks_hold_the_same_moves_in_another_order() -> None:
    other = shuffled(CANDLES, np.random.default_rng(0))
    count = len(CANDLES) // BLOCK_BARS * BLOCK_BARS
    assert len(other) == count
    assert np.sort(moves(other))[100:-100] == pytest.approx(np.sort(moves(CANDLES[:count]))[100:-100], abs=1e-3)
    assert not np.allclose(moves(other)[:100], moves(CANDLES)[:100])
    assert (other[:, HIGH] >= other[:, [OPEN, CLOSE]].max(1)).all()
    assert (np.diff(other[:, 0]) == 3_600_000).all()


def test_so_many_charts_are_invented_from_one_that_is_long_enough() -> None:
    assert len(invented(CANDLES, 3, np.random.default_rng(0))) == 3
    assert invented(CANDLES, 0, np.random.default_rng(0)) == []
    assert invented(CANDLES[:10], 3, np.random.default_rng(0)) == []


def test_invented_rows_come_from_the_training_part_of_the_chosen_markets() -> None:
    dataset = made_dataset()
    until_ms = dataset.from_ms + 2000 * 3_600_000
    rows = invented_rows(dataset, ["AAAUSDT"], dataset.from_ms, until_ms, 2, np.random.default_rng(0))
    assert rows is not None
    assert rows.label_end_ms.max() <= until_ms
    assert set(rows.symbols) == {0}
    assert np.isnan(rows.forward).all()
    assert len(np.unique(rows.labels)) > 3
    assert invented_rows(dataset, ["AAAUSDT"], 0, 1, 2, np.random.default_rng(0)) is None
