"""Classifiers of trends and patterns: causal inputs, purged parts, honest scores, and a command that records it all."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from storage.candles.store import CandleStore
from storage.config.tree import load
from strategies.errors import BundleRefused
from strategies.features import volatility
from strategies.market import CLOSE, HOUR_MS, Timeframe
from strategies.patterns import Pattern, find_patterns
from tests.made_bundles import made_dataset
from tests.made_markets import random_candles
from training.__main__ import main
from training.data.splits import EMBARGO_MS
from training.families.xgboost.classification_rows import classes_of, columns_of, rows_of
from training.families.xgboost.classification_run import ClassificationRequest, parts_of
from training.families.xgboost.classification_scores import discoveries, recognition, uplifts
from training.families.xgboost.classifier import (
    ABOUT_FILE,
    DEFAULTS,
    Classifier,
    ClassifierSettings,
    LabelledRows,
    Lesson,
    class_weights,
    fit,
    read_classifier,
    thinned,
)
from training.families.xgboost.pattern_features import NAMES, pattern_features
from training.families.xgboost.trend_labels import DOWN, SIDE, UNKNOWN, UP, trend_labels

CANDLES = random_candles(2500, seed=6)
WHOLE = pattern_features(CANDLES)
SETTINGS = ClassifierSettings(n_estimators=30, max_depth=3, learning_rate=0.3, min_child_weight=5.0)


def planted(rows: int, seed: int, strength: float = 2.0) -> LabelledRows:
    """Return rows whose first column tells the class, as strongly as asked."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, rows).astype(np.int8)
    features = rng.normal(size=(rows, 4)).astype(np.float32)
    features[:, 0] += strength * labels
    times = np.arange(rows, dtype=np.int64) * HOUR_MS
    return LabelledRows(
        features=features,
        labels=labels,
        symbols=np.zeros(rows, np.int64),
        open_ms=times,
        label_end_ms=times + HOUR_MS,
        forward=rng.normal(size=rows),
        side=(labels - 1).astype(np.int8),
    )


def fitted(strength: float = 2.0, seed: int = 0) -> Classifier:
    columns = ("told", "a", "b", "c")
    return fit(
        Lesson(
            task="trend_classification",
            classes=("down", "sideways", "up"),
            features=columns,
            train=planted(3000, 1, strength),
            valid=planted(1000, 2, strength),
        ),
        SETTINGS,
        seed=seed,
        threads=1,
    )


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 2500))
@example(48)  # the first bar whose average range is known is the last one
def test_pattern_features_look_at_no_later_bar(length: int) -> None:
    assert pattern_features(CANDLES[:length]).tobytes() == WHOLE[:length].tobytes()


def test_pattern_features_are_named_and_mostly_known() -> None:
    assert WHOLE.shape == (2500, len(NAMES))
    assert len(set(NAMES)) == len(NAMES)
    assert np.isfinite(WHOLE[500:, NAMES.index("pivot_0_distance")]).all()


def test_trend_labels_name_the_slope_to_come_and_know_when_they_are_settled() -> None:
    candles = CANDLES.copy()
    bars = np.arange(len(candles))
    wave = np.where(bars % 400 < 200, bars % 400, 400 - bars % 400)
    candles[:, CLOSE] = 100 * np.exp(0.01 * wave)
    labels, end_ms = trend_labels(candles, np.full(len(candles), 0.01), 24, Timeframe.H1)
    assert (labels[400:570] == UP).all()
    assert (labels[610:770] == DOWN).all()
    assert labels[588] == SIDE  # the top at 600 lies in the middle of the bars to come
    assert (labels[-24:] == UNKNOWN).all()
    assert (end_ms - candles[:, 0] == 25 * HOUR_MS).all()


def test_trend_labels_depend_on_no_bar_after_they_are_settled() -> None:
    sigma, _ = volatility(CANDLES, Timeframe.H1)
    whole, _ = trend_labels(CANDLES, sigma, 24, Timeframe.H1)
    part, _ = trend_labels(CANDLES[:1000], sigma[:1000], 24, Timeframe.H1)
    assert np.array_equal(part[:976], whole[:976])


def test_pattern_rows_are_labelled_at_the_close_that_confirms() -> None:
    dataset = made_dataset()
    rows = rows_of("pattern_classification", dataset, 24)
    own = rows.where(rows.symbols == 0)
    hits = find_patterns(dataset.segments[0].candles)
    first = int(own.open_ms[0])
    confirmed = {int(dataset.segments[0].open_ms[row]) for row in hits["confirm"]}
    assert set(own.open_ms[own.labels > 0].tolist()) == {ms for ms in confirmed if ms >= first}
    assert (rows.label_end_ms == rows.open_ms + HOUR_MS).all()
    assert len(classes_of("pattern_classification")) == len(Pattern) + 1
    assert rows.features.shape[1] == len(columns_of("pattern_classification", dataset))


def test_parts_are_purged_and_the_held_out_market_teaches_nothing(tmp_path: Path) -> None:
    dataset = made_dataset()
    rows = rows_of("trend_classification", dataset, 24)
    request = ClassificationRequest(
        task="trend_classification",
        settings=SETTINGS,
        horizon_bars=24,
        held_out="BBBUSDT",
        seed=0,
        threads=1,
        since_ms=None,
        models=tmp_path,
        runs=tmp_path,
        chart=tmp_path / "chart.png",
    )
    parts = parts_of(rows, dataset, request)
    for earlier, later in ((parts.train, parts.valid), (parts.valid, parts.later)):
        assert earlier.label_end_ms.max() + EMBARGO_MS <= later.open_ms.min()
    assert {0} == set(parts.train.symbols) == set(parts.valid.symbols) == set(parts.later.symbols)
    assert set(parts.elsewhere.symbols) == {1}
    assert parts.elsewhere.open_ms.min() >= parts.trained_until_ms + EMBARGO_MS


def test_a_planted_class_is_recognised_and_noise_is_not() -> None:
    unseen, names, rng = planted(3000, 3), ("down", "sideways", "up"), np.random.default_rng(0)
    found = recognition(unseen.labels, fitted().predict(unseen.features), names, rng)
    assert found.macro_f1 > 0.7 > 0.4 > found.shuffled_f1
    noise = planted(3000, 3, strength=0.0)
    nothing = recognition(noise.labels, fitted(0.0).predict(noise.features), names, rng)
    assert abs(nothing.accuracy - 1 / 3) < 0.03


def test_equal_seeds_give_equal_bytes_and_stored_models_predict_the_same() -> None:
    model = fitted()
    assert fitted().raw == model.raw
    assert fitted(seed=1).raw != model.raw
    again = read_classifier(model.files)
    rows = planted(100, 4).features
    assert again == model
    assert np.array_equal(again.probabilities(rows), model.probabilities(rows))
    with pytest.raises(BundleRefused, match=ABOUT_FILE):
        read_classifier({})


def test_scores_are_those_a_person_counts() -> None:
    truth, said = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 2, 1])
    found = recognition(truth, said, ("a", "b", "c", "never"), np.random.default_rng(0))
    assert [(score.name, score.rows) for score in found.classes] == [("a", 3), ("b", 2), ("c", 1)]
    assert found.classes[0].recall == pytest.approx(2 / 3)
    assert found.classes[1].precision == pytest.approx(1 / 3)
    assert found.macro_f1 == pytest.approx((0.8 + 0.4 + 0.0) / 3)
    assert found.accuracy == found.most_frequent == 0.5


def test_a_planted_move_after_an_event_is_discovered_and_none_is_not() -> None:
    rng = np.random.default_rng(5)
    events = np.where(rng.random(8000) < 0.05, rng.integers(1, 3, 8000), 0)
    side = np.where(events > 0, rng.choice([-1, 1], 8000), 0)
    forward = rng.normal(size=8000) + 0.5 * side * (events == 1)
    names = ("none", "moves", "nothing")
    moves, nothing = uplifts(events, side, forward, np.arange(8000) * HOUR_MS, names, rng)
    assert moves.low < 0.5 < moves.high
    assert moves.is_discovery
    assert nothing.low < 0.0 < nothing.high
    assert not nothing.is_discovery
    assert discoveries([]) == []


def test_the_common_class_is_thinned_without_changing_its_weight() -> None:
    labels = np.array([0] * 100 + [1] * 5)
    chosen, weight = thinned(labels, 10)
    assert len(chosen) == 15
    assert weight[labels[chosen] == 0].sum() == 100
    assert class_weights(labels, 3)[labels].reshape(-1).sum() == pytest.approx(105)


@pytest.mark.parametrize("task", ["trend_classification", "pattern_classification", "return"])
def test_the_command_reports_explains_and_records(
    task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    store = CandleStore(tmp_path / load().data.directory)
    for seed, symbol in enumerate(("AAAUSDT", "BBBUSDT")):
        store.append("builtin", symbol, "1h", "futures", random_candles(5000, seed=seed))
    words = ["train", "xgboost", "--task", task, "--symbols", "AAAUSDT,BBBUSDT", "--timeframe", "1h", "--test-mode"]
    assert main([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert Path(document["plot"]).read_bytes().startswith(b"\x89PNG")
    assert document["gain"]
    assert document["permutation"]
    if task != "return":
        assert document["held_out_symbol"] == "BBBUSDT"
        assert document["elsewhere"]["macro_f1"] >= 0.0
        assert json.loads(Path(document["record"]).read_text())["result"]["rounds"] == document["rounds"]
        assert read_classifier({file.name: file.read_bytes() for file in Path(document["folder"]).iterdir()})
        assert list(tmp_path.glob("runs/tensorboard/*/events.out.tfevents.*"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--task", "fortune"], "task 'fortune' is unknown"),
        (["--task", "trend_classification", "--held-out", "CCCUSDT"], "must be one of several symbols"),
        (["--task", "trend_classification", "--source-model", "b-1"], "continues the task return"),
        (["--source-model", "b-1"], "neither a bundle's folder nor the id of one"),
    ],
)
def test_what_cannot_be_done_is_said(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    store = CandleStore(tmp_path / load().data.directory)
    store.append("builtin", "AAAUSDT", "1h", "futures", random_candles(900))
    assert main(["train", "xgboost", "--symbols", "AAAUSDT", "--timeframe", "1h", *words]) == 2
    assert said in capsys.readouterr().err


def test_defaults_exist_for_every_task() -> None:
    assert set(DEFAULTS) == {"trend_classification", "pattern_classification"}
