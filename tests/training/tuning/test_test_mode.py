"""Test mode: everything is there, and small."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from storage.candles.store import CandleStore
from storage.config.tree import Config, load
from tests.made_bundles import made_dataset
from tests.made_markets import random_candles
from training.__main__ import main
from training.tuning.test_mode import BARS, newest, small


def test_the_newest_bars_are_the_end_of_every_market() -> None:
    whole = made_dataset(bars=BARS + 500)
    short = newest(whole)
    assert {len(segment.candles) for segment in short.segments} == {BARS}
    for part, all_of_it in zip(short.segments, whole.segments, strict=True):
        assert np.array_equal(part.features, all_of_it.features[-BARS:], equal_nan=True)


def test_tiny_models_leave_every_other_setting_alone() -> None:
    tiny, usual = small(Config()), Config()
    assert tiny.xgboost.n_estimators < usual.xgboost.n_estimators
    assert tiny.ppo.total_timesteps < usual.ppo.total_timesteps
    families = {"xgboost", "ridge", "lstm", "ppo"}
    assert tiny.model_dump(exclude=families) == usual.model_dump(exclude=families)


def test_a_bundle_of_all_families_can_be_tried_in_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    candles = random_candles(BARS, edge=0.15)
    CandleStore(tmp_path / load().data.directory).append("builtin", "BTCUSDT", "1h", "futures", candles)
    words = ["train", "bundle", "--symbols", "BTCUSDT", "--timeframe", "1h", "--test-mode"]
    assert main([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [part["name"] for part in document["family_figures"]] == ["xgboost", "lstm", "ridge", "ppo", "ensemble"]
    assert all(
        np.isfinite([part[name] for name in ("ic", "slope", "auc")]).all() for part in document["family_figures"]
    )
    assert main([*words, "--families", "ridge"]) == 0
    assert "error of P(up)" in capsys.readouterr().out
