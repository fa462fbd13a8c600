"""Columns computed once: found again with the same bits, made again where anything that shapes them changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from strategies.features import feature_set
from strategies.market import Timeframe
from tests.made_bundles import made_dataset
from training.data.columns import COLUMNS, Making, columns_key, columns_of
from training.runtime.compute import Compute
from training.runtime.file_cache import FileCache


def test_kept_columns_have_the_bits_of_computed_ones(tmp_path: Path) -> None:
    made = made_dataset()
    runs = [segment.candles[:3_000] for segment in made.segments]
    plain = columns_of(runs, made.features, made.timeframe)
    making = Making(kept=FileCache(root=tmp_path), compute=Compute(workers=2))
    first, again = (columns_of(runs, made.features, made.timeframe, making) for _ in range(2))
    assert len(list(tmp_path.iterdir())) >= len(runs)
    for wanted, computed, found in zip(plain, first, again, strict=True):
        for name in COLUMNS:
            np.testing.assert_array_equal(wanted[name], computed[name])
            np.testing.assert_array_equal(wanted[name], found[name])
            assert wanted[name].dtype == found[name].dtype


def test_a_damaged_column_is_computed_again(tmp_path: Path) -> None:
    made = made_dataset()
    run, making = made.segments[0].candles[:3_000], Making(kept=FileCache(root=tmp_path))
    [wanted] = columns_of([run], made.features, made.timeframe, making)
    stored = tmp_path / columns_key(run, made.features, made.timeframe) / "features.npy"
    stored.write_bytes(stored.read_bytes()[:-4] + b"junk")
    [found] = columns_of([run], made.features, made.timeframe, making)
    np.testing.assert_array_equal(found["features"], wanted["features"])


def test_a_key_names_candles_features_and_timeframe() -> None:
    made = made_dataset()
    run = made.segments[0].candles[:3_000]
    other = run.copy()
    other[-1, 4] *= 1.0001
    keys = {
        columns_key(run, made.features, made.timeframe),
        columns_key(other, made.features, made.timeframe),
        columns_key(run[:-1], made.features, made.timeframe),
        columns_key(run, feature_set(groups=("momentum",)), made.timeframe),
        columns_key(run, made.features, Timeframe.H4),
    }
    assert len(keys) == 5
