"""The example plug-in of LightGBM: equal bytes for equal arguments, and the mirrored market."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("lightgbm", reason="needs lightgbm, which only the example plug-in asks for")

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "lightgbm_plugin"))
import lightgbm_family

from strategies.predictors import plugin as family_plugins
from tests.made_bundles import made_dataset
from training.families.plugin import PluginFamily


@pytest.fixture(autouse=True)
def _nothing_stays_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(family_plugins, "_INSTALLED", {})


FAMILY = PluginFamily(
    plugin=replace(lightgbm_family.family, chosen=lightgbm_family.Settings(n_estimators=20), source="0" * 16), seed=3
)


def test_equal_arguments_give_equal_bytes() -> None:
    made = made_dataset()
    first, again = (dict(FAMILY.fit(made, made.until_ms).files) for _ in range(2))
    assert first == again


def test_a_mirrored_market_gets_the_opposite_score() -> None:
    made = made_dataset()
    predictor = FAMILY.fit(made, made.until_ms).predictor
    features = made.segments[0].features[-300:]
    signs = np.where(made.features.directional, -1.0, 1.0).astype(np.float32)
    np.testing.assert_allclose(predictor.score_rows(features), -predictor.score_rows(features * signs))
    assert json.loads(FAMILY.fit(made, made.until_ms).files["lightgbm.json"])["directional"]
