"""Labels of the triple barrier, by hand and against a slow one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from storage.candles.store import CandleStore
from storage.config.models import RidgeSettings
from strategies.features import feature_set
from strategies.market import CLOSE, HIGH, HOUR_MS, LOW, OPEN, OPEN_MS, Timeframe
from tests.made_markets import random_candles
from training.data.choices import Teaching
from training.data.dataset import build
from training.data.labels import Labelling, forward_return, triple_barrier
from training.families.ridge import fit

HOUR = Timeframe.H1
HORIZON = 3
SIGMA = 0.01
WIDE = 1.0  # deviations: a barrier at 1.73 % for three hours


def bars(*rows: tuple[float, float, float]) -> np.ndarray:
    """Return candles of (open, high, low), an hour each; closes do not matter."""
    candles = np.zeros((len(rows), 6))
    candles[:, OPEN_MS] = np.arange(len(rows)) * HOUR_MS
    candles[:, [OPEN, HIGH, LOW]] = rows
    candles[:, CLOSE] = candles[:, OPEN]
    return candles


def first_label(candles: np.ndarray, cost: float = 0.0) -> tuple[float, int]:
    """Return the first bar's label and the hour at which it is known."""
    target, ends = triple_barrier(candles, np.full(len(candles), SIGMA), HORIZON, HOUR, WIDE, cost)
    return float(target[0]), int(ends[0]) // HOUR_MS


CALM = (100.0, 100.5, 99.5)


def test_the_barrier_touched_first_decides() -> None:
    assert first_label(bars(CALM, CALM, (100, 102, 99.5), (100, 101, 97), CALM)) == (pytest.approx(WIDE), 3)
    assert first_label(bars(CALM, CALM, (100, 101, 97), (100, 102, 99.5), CALM)) == (pytest.approx(-WIDE), 3)


def test_the_deadline_pays_what_the_market_did() -> None:
    target, known_h = first_label(bars(CALM, CALM, CALM, CALM, (100.9, 101, 100.5)))
    assert target == pytest.approx(np.log(1.009) / (SIGMA * np.sqrt(HORIZON)))
    assert known_h == 4


def test_what_would_not_have_paid_its_round_trip_is_nothing() -> None:
    candles = bars(CALM, CALM, CALM, CALM, (100.1, 100.2, 100.0))
    assert first_label(candles)[0] > 0
    assert first_label(candles, cost=0.0014)[0] == 0.0


def test_in_a_bar_that_touches_both_the_nearer_to_its_open_was_first() -> None:
    assert first_label(bars(CALM, CALM, (100.5, 103, 97), CALM, CALM)) == (pytest.approx(WIDE), 3)
    assert first_label(bars(CALM, CALM, (99.5, 103, 97), CALM, CALM)) == (pytest.approx(-WIDE), 3)


def test_the_mirrored_market_has_the_mirrored_labels() -> None:
    candles = random_candles(600, seed=3)
    mirrored = candles.copy()
    mirrored[:, [OPEN, HIGH, LOW, CLOSE]] = 1e4 / candles[:, [OPEN, LOW, HIGH, CLOSE]]
    sigma = np.full(len(candles), 0.004)
    ours, ends = triple_barrier(candles, sigma, 12, HOUR, 0.8, 0.001)
    theirs, their_ends = triple_barrier(mirrored, sigma, 12, HOUR, 0.8, 0.001)
    assert np.allclose(ours, -theirs, equal_nan=True)
    assert np.array_equal(ends, their_ends)
    assert {0.0, 0.8, -0.8} <= set(np.round(ours[np.isfinite(ours)], 9))


def test_a_label_knows_nothing_after_its_end() -> None:
    candles = random_candles(400, seed=4)
    sigma = np.full(len(candles), 0.004)
    whole, ends = triple_barrier(candles, sigma, 12, HOUR, 0.8, 0.001)
    for row in range(0, 380, 7):
        known = int(np.searchsorted(candles[:, OPEN_MS], ends[row]))
        changed = candles.copy()
        changed[known + 1 :, OPEN:CLOSE] *= 1.5
        assert triple_barrier(changed, sigma, 12, HOUR, 0.8, 0.001)[0][row] == whole[row]


def test_barriers_out_of_reach_leave_the_forward_return() -> None:
    candles, sigma = random_candles(400, seed=5), np.full(400, 0.004)
    far, ends = triple_barrier(candles, sigma, 12, HOUR, 50.0, 0.0)
    plain, plain_ends = forward_return(candles, sigma, 12, HOUR)
    assert np.array_equal(far, plain, equal_nan=True)
    assert np.array_equal(ends, plain_ends)


def test_labels_that_overlap_more_weigh_less() -> None:
    candles = random_candles(600, seed=6)
    labelling = Labelling(target="triple_barrier", barrier=0.8, cost=0.001)
    target, ends = labelling.label(candles, np.full(600, 0.004), 12, HOUR)
    known = np.isfinite(target)
    open_ms = candles[known, OPEN_MS].astype(np.int64)
    weights, lives = labelling.weights(open_ms, ends[known], HOUR), ends[known] - open_ms
    assert weights.mean() == pytest.approx(1.0, abs=1e-6)
    assert weights[lives < 4 * HOUR_MS].mean() > weights[lives > 10 * HOUR_MS].mean()
    assert set(Labelling().weights(open_ms, ends[known], HOUR)) == {1.0}


def test_a_dataset_with_other_labels_is_other_data(tmp_path: Path) -> None:
    store, candles = CandleStore(tmp_path), random_candles(3000, seed=7)
    store.append("made", "AAAUSDT", HOUR, "futures", candles)
    usual = build(store, "made", ["AAAUSDT"], HOUR, feature_set())
    labelling = Labelling(target="triple_barrier", barrier=0.5)
    other = build(store, "made", ["AAAUSDT"], HOUR, feature_set(), teaching=Teaching(labelling=labelling))
    assert usual.data_hash != other.data_hash
    assert usual.until(usual.until_ms).data_hash != other.until(usual.until_ms).data_hash
    border = int(candles[2690, OPEN_MS])
    assert (other.known_by(border).label_end_ms <= border).all()
    assert len(other.known_by(border)) > len(usual.known_by(border))
    predictors = [fit(data, border, RidgeSettings()).predictor.to_bytes() for data in (usual, other)]
    assert predictors[0] != predictors[1]
