"""The leakage check: honest recipes pass, every kind of cheat is caught, the command says so."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from storage.config.models import XGBoostSettings
from strategies.features import feature_set
from strategies.market import CLOSE, Timeframe
from strategies.predictors.base import PreparedSlice
from tests.made_markets import random_candles
from training.__main__ import main
from training.data.dataset import Dataset
from training.data.market_scores import MarketScores
from training.ensemble.families import RidgeFamily, XGBoostFamily
from training.evidence.null_error import null_error, skill_test
from training.promotion import leakage
from training.promotion.known_answers import world, world_candles
from training.promotion.leakage import (
    SCOPES,
    Scope,
    check,
    lightened,
    planted_edge,
    truncated_features,
    unmoved_by_the_future,
)

HORIZON = 12
SMALL = XGBoostSettings(n_estimators=60, seeds=1, min_child_weight=5, max_depth=6, every_bars=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Peeking:
    """Learns from every label there is, whatever the border."""

    honest: XGBoostFamily
    name: str = "xgboost"

    def fit(self, dataset: Dataset, known_by_ms: int):
        return self.honest.fit(dataset, dataset.until_ms)

    def describe(self) -> dict[str, object]:
        return self.honest.describe()


class NextBar:
    """Scores a bar by what comes after it in its slice."""

    family = "next bar"

    def scores(self, slices: Sequence[PreparedSlice]) -> list[np.ndarray]:
        return [self._ahead(np.log(part.candles[:, CLOSE]))[part.first :] for part in slices]

    def _ahead(self, close: np.ndarray) -> np.ndarray:
        return np.append(np.diff(close), 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clairvoyant:
    """A family without a model: it reads the next bar."""

    name: str = "next bar"

    def fit(self, dataset: Dataset, known_by_ms: int):
        @dataclass(frozen=True)
        class Model:
            predictor: NextBar
            files: dict[str, bytes]

        return Model(NextBar(), {})

    def describe(self) -> dict[str, object]:
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asleep:
    """Scores everything by noise."""

    name: str = "asleep"

    def fit(self, dataset: Dataset, known_by_ms: int):
        @dataclass(frozen=True)
        class Noise:
            family: str = "asleep"

            def scores(self, slices: Sequence[PreparedSlice]) -> list[np.ndarray]:
                return [np.random.default_rng(len(part.candles)).normal(size=part.rows) for part in slices]

        @dataclass(frozen=True)
        class Model:
            predictor: Noise
            files: dict[str, bytes]

        return Model(Noise(), {})

    def describe(self) -> dict[str, object]:
        return {}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the quick profile be quicker still."""
    scope = Scope(bars=5_000, worlds=1, folds=2, edge=0.2, is_light=True)
    monkeypatch.setattr(leakage, "SCOPES", {**SCOPES, "quick": scope})


def failed(families: Sequence[object], **more: object) -> set[str]:
    report = check(families, feature_set(), Timeframe.H1, HORIZON, **more)  # type: ignore[arg-type]
    return {finding.name for finding in report.findings if not finding.passed}


def test_an_honest_recipe_passes(small: None) -> None:
    told: list[str] = []
    report = check(
        [RidgeFamily()],
        feature_set(),
        Timeframe.H1,
        HORIZON,
        candles=random_candles(3_000),
        tell=lambda finding: told.append(finding.name),
    )
    assert report.passed, report.sentence
    assert report.document()["passed"] is True
    assert set(told) == {
        "no skill in noise",
        "planted edge found",
        "one bar late",
        "truncated future",
        "future changes no model",
        "future changes no score",
        "nothing at wrong times",
    }


def test_learning_from_labels_beyond_the_border_is_caught_twice(small: None) -> None:
    assert {"no skill in noise", "future changes no model"} <= failed([Peeking(honest=XGBoostFamily(settings=SMALL))])


def test_reading_the_next_bar_is_caught(small: None) -> None:
    assert {"no skill in noise", "future changes no score"} <= failed([Clairvoyant()])


def test_a_model_that_learns_nothing_is_told_so(small: None) -> None:
    assert "planted edge found" in failed([Asleep()])


def test_a_feature_that_uses_the_future_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = leakage.compute

    def centred(candles: np.ndarray, features: object, timeframe: Timeframe) -> np.ndarray:
        values = honest(candles, features, timeframe)  # type: ignore[arg-type]
        return values - np.nanmean(values, axis=0)

    candles = random_candles(3_000)
    assert truncated_features(feature_set(), Timeframe.H1, candles, "candles").passed
    monkeypatch.setattr(leakage, "compute", centred)
    assert not truncated_features(feature_set(), Timeframe.H1, candles, "candles").passed


def test_labels_turned_upside_down_after_the_border_do_not_reach_an_honest_model() -> None:
    made = world(3_000, 3, feature_set(), Timeframe.H1, HORIZON)
    assert all(finding.passed for finding in unmoved_by_the_future(RidgeFamily(), made))


def test_the_quick_profile_caps_what_costs_time_and_nothing_else() -> None:
    lighter = lightened(XGBoostFamily(settings=XGBoostSettings(n_estimators=900, seeds=5, max_depth=4), seed=3))
    assert isinstance(lighter, XGBoostFamily)
    assert (lighter.settings.n_estimators, lighter.settings.seeds) == (120, 1)
    assert (lighter.settings.max_depth, lighter.seed) == (4, 3)


def test_made_up_worlds_repeat_themselves_and_move_together() -> None:
    first, again, other = (world_candles(2_000, seed, Timeframe.H1) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first[0], again[0])
    assert not np.array_equal(first[0], other[0])
    returns = [np.diff(np.log(candles[:, CLOSE])) for candles in first]
    assert 0.4 < np.corrcoef(returns[0], returns[1])[0, 1] < 0.8


def test_the_null_error_is_that_of_many_random_walks() -> None:
    """Overlapping labels, slow scores, three equal markets: the spread of the IC over worlds is what one world says."""
    rng = np.random.default_rng(0)
    ics, errors = [], []
    for _ in range(150):
        noise = rng.normal(size=3_000 + HORIZON)
        target = np.convolve(noise, np.ones(HORIZON), "valid")[1:] / np.sqrt(HORIZON)
        score = np.convolve(rng.normal(size=3_200), np.ones(100), "valid")[: len(target)]
        test = skill_test([[scores_of(score, target) for _ in range(3)]], 0, HORIZON)
        ics.append(test.ic)
        errors.append(test.error)
    assert np.mean(errors) == pytest.approx(np.std(ics), rel=0.25)
    assert 1.0 / np.mean(errors) ** 2 < 3_000 / HORIZON * 2


def scores_of(score: np.ndarray, target: np.ndarray) -> MarketScores:
    empty = np.zeros(len(score))
    return MarketScores(
        symbol="A",
        open_ms=np.arange(len(score), dtype=np.int64) * 3_600_000,
        scores=score[:, None],
        target=target,
        known_by_ms=np.full(len(score), -1, np.int64),
        open=empty,
        close=empty,
        sigma=empty,
        volatility=empty,
    )


def test_no_score_at_all_is_no_skill() -> None:
    test = skill_test([[scores_of(np.full(100, np.nan), np.ones(100))]], 0, HORIZON)
    assert (test.ic, test.errors, test.effective) == (0.0, 0.0, 0.0)
    assert null_error(np.zeros(0), np.zeros(0), HORIZON) == 0.0


def test_a_planted_edge_needs_more_than_three_errors() -> None:
    [finding] = planted_edge([RidgeFamily()], [world(5_000, 1, feature_set(), Timeframe.H1, HORIZON, 0.2)], 2)
    assert finding.passed
    [finding] = planted_edge([RidgeFamily()], [world(5_000, 1, feature_set(), Timeframe.H1, HORIZON)], 2)
    assert not finding.passed


def test_the_command_tells_the_verdict_and_its_exit_code(
    small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text('[ensemble]\nfamilies = ["ridge"]\n')
    assert main(["check", "leakage", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["passed"] is True
    monkeypatch.setattr(leakage, "NULL_ERRORS", 1e-9)
    assert main(["check", "leakage"]) == 1
    assert "LEAK" in capsys.readouterr().out


def test_the_command_names_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["check", "leakage", "--bundle", "production"]) == 2
    assert "no bundle is in production on builtin" in capsys.readouterr().err


def test_worlds_are_as_long_as_asked() -> None:
    made = world(1_000, 0, feature_set(timeframe=Timeframe.H4), Timeframe.H4, HORIZON)
    assert all(len(segment.candles) == 1_000 for segment in made.segments)
    assert made.until_ms - made.from_ms == 1_000 * Timeframe.H4.ms
