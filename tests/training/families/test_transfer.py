"""Transfer: trees of one market boosted further on another, never with knowledge from after the border."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from storage.models.registry import Registry
from strategies.errors import BadInput
from strategies.features import LEAN, feature_set
from strategies.market import DAY_MS
from tests.made_bundles import SMALL, made_bundle, made_dataset
from training.ensemble.families import XGBoostFamily
from training.families.lstm.identity import identity_of, require_same_columns
from training.families.lstm.trainer import LstmModel
from training.families.xgboost import trainer as xgboost
from training.families.xgboost.transfer import XGBoostSource, xgboost_source

BORDER = made_dataset().from_ms + 200 * DAY_MS


def source(trained_until_ms: int) -> XGBoostSource:
    """Return the trees of a first training, as if they had learnt until then."""
    model = xgboost.fit(made_dataset(), made_dataset().from_ms + 100 * DAY_MS, SMALL)
    return XGBoostSource(
        name="first",
        boosters=model.boosters,
        fingerprint=made_dataset().features.fingerprint,
        trained_until_ms=trained_until_ms,
    )


def trees(raw: bytes) -> int:
    booster = xgboost.import_xgboost().Booster(model_file=bytearray(raw))
    return int(booster.num_boosted_rounds())


def test_trees_are_added_to_those_of_the_source() -> None:
    start = source(BORDER)
    model = xgboost.fit(made_dataset(), BORDER, SMALL, source=start)
    assert [trees(raw) for raw in model.boosters] == [2 * SMALL.n_estimators] * SMALL.seeds
    rows = made_dataset().known_by(made_dataset().until_ms, since_ms=BORDER)
    scores = model.predictor.score_rows(rows.features)
    assert np.corrcoef(scores, rows.target)[0, 1] > 0.1


def test_a_source_that_has_seen_more_than_may_be_known_is_left_aside() -> None:
    later, never = source(BORDER + 1), None
    with_source = xgboost.fit(made_dataset(), BORDER, SMALL, source=later)
    assert with_source.boosters == xgboost.fit(made_dataset(), BORDER, SMALL, source=never).boosters


def test_trees_of_other_features_are_refused() -> None:
    other = feature_set(groups=(*LEAN, "higher_4h"))
    with pytest.raises(BadInput, match="was trained on features"):
        source(BORDER).usable(other.fingerprint, BORDER)


def test_a_stored_bundle_is_a_source_and_part_of_the_recipe(tmp_path: Path) -> None:
    bundle = Registry(tmp_path).add_files(made_bundle().files)
    found = xgboost_source(bundle, tmp_path)
    assert found == xgboost_source(str(tmp_path / "bundles" / bundle), tmp_path)
    assert found.trained_until_ms == made_dataset().until_ms
    assert len(found.boosters) == SMALL.seeds
    assert XGBoostFamily(settings=SMALL, source=found).describe()["source"] == bundle
    assert "source" not in XGBoostFamily(settings=SMALL).describe()
    with pytest.raises(BadInput, match="neither a bundle's folder"):
        xgboost_source("b-0", tmp_path)


@pytest.mark.parametrize(
    ("horizon_bars", "timeframe"), [(24, "1h"), (48, "4h")], ids=["another horizon", "another timeframe"]
)
def test_trees_that_forecast_something_else_are_refused(horizon_bars: int, timeframe: str) -> None:
    known = replace(source(BORDER), horizon_bars=48, timeframe="1h")
    known.require_same_forecast(48, "1h")
    with pytest.raises(BadInput, match="forecasts 48 bars of 1h"):
        known.require_same_forecast(horizon_bars, timeframe)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"fingerprint": "cci-columns"}, "features cci-columns"),
        ({"horizon_bars": 7}, "a horizon in bars of 7"),
        ({"timeframe": "4h"}, "the timeframe 4h"),
    ],
    ids=["other columns", "another horizon", "another timeframe"],
)
def test_weights_of_another_forecast_are_refused(change: dict[str, object], said: str) -> None:
    dataset = made_dataset()
    own = SimpleNamespace(**identity_of(dataset))
    require_same_columns(cast(LstmModel, own), dataset)
    with pytest.raises(BadInput, match=said):
        require_same_columns(cast(LstmModel, SimpleNamespace(**(identity_of(dataset) | change))), dataset)
