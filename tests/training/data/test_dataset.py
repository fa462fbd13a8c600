"""Datasets: targets by hand, gaps as borders, nothing known too early, the bits of live."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.candles.store import CandleStore, Source
from strategies.errors import BadInput, DataGap
from strategies.features import compute, current_slice, feature_set
from strategies.market import DAY_MS, HOUR_MS, Timeframe
from tests.made_markets import START_MS, random_candles
from training.data.choices import Reading
from training.data.dataset import build
from training.data.labels import direction, forward_return, uniqueness
from training.data.splits import chronological, monthly_folds, next_month, recent_folds

HOUR = Timeframe.H1
FEATURES = feature_set()


def store_with(folder: Path, candles: np.ndarray, source: Source = Source.REAL) -> CandleStore:
    store = CandleStore(folder)
    store.append("made", "AAAUSDT", HOUR, "futures", candles, source)
    return store


def test_the_target_runs_from_the_next_open_for_the_horizon() -> None:
    candles = np.zeros((6, 6))
    candles[:, 0] = np.arange(6) * HOUR_MS
    candles[:, 1] = [100, 101, 102, 103, 104, 105]
    sigma = np.full(6, 0.01)
    target, ends = forward_return(candles, sigma, 2, HOUR)
    assert target[0] == pytest.approx(np.log(103 / 101) / (0.01 * np.sqrt(2)))
    assert ends[0] == 3 * HOUR_MS
    assert np.isnan(target[3:]).all()
    assert np.isfinite(target[:3]).all()


def test_the_target_is_clipped_and_unknown_where_deviation_is_unknown() -> None:
    candles = random_candles(100)
    sigma = np.full(100, 1e-6)
    sigma[:10] = np.nan
    target, _ = forward_return(candles, sigma, 12, HOUR)
    assert np.isnan(target[:10]).all()
    assert set(np.abs(target[10:87])) == {3.0}
    assert set(direction(target)[10:87]) == {0.0, 1.0}
    assert np.isnan(direction(target)[:10]).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 8)), min_size=1, max_size=25))
def test_uniqueness_is_the_mean_share_of_each_labels_life(spans: list[tuple[int, int]]) -> None:
    spans = sorted(spans)
    start = np.array([first for first, _ in spans])
    end = start + np.array([length for _, length in spans])
    alive = [int(((start <= bar) & (bar < end)).sum()) for bar in range(int(end.max()))]
    slow = [np.mean([1 / alive[bar] for bar in range(a, b)]) for a, b in zip(start, end, strict=True)]
    assert np.allclose(uniqueness(start * HOUR_MS, end * HOUR_MS, HOUR_MS), slow)


def test_rows_have_the_bits_of_live(tmp_path: Path) -> None:
    candles = random_candles(3500)
    dataset = build(store_with(tmp_path, candles), "made", ["AAAUSDT"], HOUR, FEATURES)
    [segment] = dataset.segments
    for row in (300, 1111, 3499):
        live = current_slice(candles[: row + 1], HOUR)
        assert segment.features[row].tobytes() == compute(live.candles, FEATURES, HOUR)[-1].tobytes()


def test_until_hides_every_later_candle(tmp_path: Path) -> None:
    candles = random_candles(1000)
    store = store_with(tmp_path, candles)
    until_ms = int(candles[800, 0])
    cut = build(store, "made", ["AAAUSDT"], HOUR, FEATURES, until_ms)
    assert cut.until_ms == until_ms
    [segment] = cut.segments
    assert np.array_equal(segment.candles, candles[:800])
    assert np.isnan(segment.target[-13:]).all()
    assert cut.data_hash != build(store, "made", ["AAAUSDT"], HOUR, FEATURES).data_hash


def test_labels_are_known_no_earlier_than_they_end(tmp_path: Path) -> None:
    dataset = build(store_with(tmp_path, random_candles(1500)), "made", ["AAAUSDT"], HOUR, FEATURES)
    border = START_MS + 1000 * HOUR_MS
    rows = dataset.known_by(border)
    assert rows.label_end_ms.max() == border
    assert rows.open_ms.max() == border - 13 * HOUR_MS
    thinned = dataset.known_by(border, every_bars=3)
    assert set(thinned.open_ms // HOUR_MS % 3) == {0}
    assert len(thinned) == pytest.approx(len(rows) / 3, abs=1)


def test_short_holes_are_bridged_and_long_ones_split(tmp_path: Path) -> None:
    candles = random_candles(2000)
    kept = np.ones(2000, bool)
    kept[500:503] = kept[1200:1204] = False
    store = store_with(tmp_path, candles[kept])
    dataset = build(store, "made", ["AAAUSDT"], HOUR, FEATURES)
    assert [len(segment.candles) for segment in dataset.segments] == [1200, 796]
    first, second = dataset.segments
    assert (first.source[500:503] == Source.REPAIRED).all()
    assert np.isnan(first.target[-13:]).all()  # no label crosses the gap
    assert not second.is_warm[:240].any()  # no window does
    with pytest.raises(DataGap, match="4 candles are missing"):
        build(store, "made", ["AAAUSDT"], HOUR, FEATURES, reading=Reading(gaps="refuse"))


def test_stitched_spot_candles_train_only_where_asked_for(tmp_path: Path) -> None:
    candles = random_candles(1200)
    store = store_with(tmp_path, candles[:400], Source.STITCHED_SPOT)
    store_with(tmp_path, candles[400:])
    assert len(build(store, "made", ["AAAUSDT"], HOUR, FEATURES).segments[0].candles) == 1200
    assert (
        len(build(store, "made", ["AAAUSDT"], HOUR, FEATURES, reading=Reading(stitched=False)).segments[0].candles)
        == 800
    )


def test_a_market_without_candles_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="BBBUSDT"):
        build(store_with(tmp_path, random_candles(50)), "made", ["AAAUSDT", "BBBUSDT"], HOUR, FEATURES)


def test_folds_follow_each_other_and_train_an_embargo_earlier() -> None:
    start = 1_609_459_200_000  # 2021-01-01
    folds = monthly_folds(start, start + 400 * DAY_MS, 6)
    assert [fold.start_ms for fold in folds] == [start, next_month(start, 6), next_month(start, 12)]
    for fold, following in zip(folds, [*folds[1:], None], strict=True):
        assert fold.train_until_ms == fold.start_ms - DAY_MS
        assert following is None or fold.end_ms == following.start_ms
    assert folds[-1].end_ms == start + 400 * DAY_MS


@pytest.mark.parametrize(("days", "folds"), [(60, 3), (365, 3), (730, 3), (1500, 5), (3000, 8)])
def test_recent_folds_fit_the_history(days: int, folds: int) -> None:
    until = START_MS + days * DAY_MS
    found = recent_folds(START_MS, until)
    assert abs(len(found) - folds) <= 1
    assert found[-1].end_ms == until
    assert found[0].train_until_ms - START_MS >= 0.35 * days * DAY_MS


def test_the_borders_of_the_calendar_stay_when_a_month_is_added() -> None:
    year = 1_609_459_200_000  # 2021-01-01
    first, later = (recent_folds(0, next_month(year, months), months=6) for months in (1, 2))
    assert [fold.train_until_ms for fold in first] == [fold.train_until_ms for fold in later]
    assert first[-1].start_ms == year


def test_a_history_too_short_for_a_walk_forward_is_refused() -> None:
    with pytest.raises(BadInput, match="20 days"):
        recent_folds(0, 20 * DAY_MS)


def test_a_chronological_split_keeps_the_order_of_time() -> None:
    assert chronological(0, 1000) == (700, 850)
    with pytest.raises(BadInput):
        chronological(0, 1000, 0.9, 0.2)


def test_what_was_known_at_a_time_has_the_bits_of_a_dataset_built_then(tmp_path: Path) -> None:
    store = store_with(tmp_path, random_candles(3000))
    until_ms = START_MS + 2411 * HOUR.ms
    then = build(store, "made", ["AAAUSDT"], HOUR, FEATURES, until_ms=until_ms)
    later = build(store, "made", ["AAAUSDT"], HOUR, FEATURES).until(until_ms)
    assert later.until_ms == then.until_ms == until_ms
    for mine, theirs in zip(later.segments, then.segments, strict=True):
        for name in ("candles", "source", "features", "target", "label_end_ms", "sigma", "volatility"):
            assert np.array_equal(getattr(mine, name), getattr(theirs, name), equal_nan=name not in ("source",))
