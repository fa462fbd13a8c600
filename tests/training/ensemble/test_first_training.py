"""The first training: finds a planted edge, finds none in noise, and repeats itself byte for byte."""

from __future__ import annotations

import numpy as np
import pytest

from storage.config.models import RidgeSettings, XGBoostSettings
from storage.config.tree import Config
from strategies.bundle.bundle import assemble
from strategies.errors import BadInput
from strategies.market import DAY_MS
from strategies.oversight.skill import information_coefficient
from tests.made_bundles import SMALL, made_bundle, made_dataset, made_plan
from training.ensemble.bundle import train
from training.ensemble.families import RidgeFamily, XGBoostFamily, choose
from training.ensemble.out_of_fold import FoldReport, walk
from training.ensemble.plan import walk_folds
from training.ensemble.wins import win_table
from training.evidence.daily_skill import daily_skill
from training.evidence.recipe_gate import bootstrap_p_value, judge
from training.evidence.skill import area_under_curve
from training.families import ridge
from training.families.interface import ModelFamily
from training.families.xgboost import trainer as xgboost


def test_xgboost_and_ridge_find_a_planted_edge_out_of_fold() -> None:
    families: list[ModelFamily] = [XGBoostFamily(settings=SMALL), RidgeFamily()]
    reports: list[FoldReport] = []
    runs = walk(made_dataset(), families, walk_folds(made_dataset(), made_plan()), reports.append)
    target = np.concatenate([run.target for run in runs])
    for index, family in enumerate(families):
        assert information_coefficient(np.concatenate([run.scores[:, index] for run in runs]), target) > 0.15, family
    assert [(report.number, report.family) for report in reports] == [
        (number, family) for number in (1, 2, 3) for family in ("xgboost", "ridge")
    ]
    assert all(np.isfinite(report.ic) for report in reports)


def test_noise_holds_nothing_and_the_gate_says_so() -> None:
    trained = train(made_dataset(edge=0.0), made_plan())
    assert abs(trained.verdict.ic) < 0.12
    assert not trained.verdict.passed
    assert trained.verdict.reason.startswith("no edge found")


def test_a_planted_edge_passes_the_gate_and_is_calibrated() -> None:
    trained = made_bundle()
    assert trained.verdict.passed
    manifest = trained.bundle.manifest
    assert manifest.calibration.slope is not None
    assert manifest.calibration.slope > 0
    assert manifest.out_of_fold is not None
    assert manifest.out_of_fold.auc > 0.55
    assert trained.verdict.ic == pytest.approx(manifest.out_of_fold.ic, abs=1e-3)  # of the votes, before smoothing
    assert set(manifest.wins) == {"LONG", "SHORT"}
    pooled = np.concatenate([part.conviction for part in trained.scales.convictions])
    assert np.nanstd(pooled) == pytest.approx(1.0, abs=0.05)
    assert manifest.trained_until_ms == made_dataset().until_ms
    assert manifest.first_out_of_sample_ms == manifest.trained_until_ms + DAY_MS


def test_equal_seeds_and_data_give_equal_bytes_and_another_seed_does_not() -> None:
    again = train(made_dataset(), made_plan())
    assert again.id == made_bundle().id
    assert again.files == made_bundle().files
    assert train(made_dataset(), made_plan(seed=5)).id != again.id


def test_what_was_packed_is_what_was_verified() -> None:
    trained = made_bundle()
    assert assemble(trained.files, trained.id, exchange="made").id == trained.id


def test_models_learn_only_from_labels_known_by_the_border() -> None:
    dataset = made_dataset()
    border = dataset.from_ms + 150 * DAY_MS
    parts = [len(dataset.known_by(border, every_bars=3, phase=phase)) for phase in range(3)]
    assert xgboost.fit(dataset, border, SMALL).rows == sum(parts[: SMALL.seeds])
    assert xgboost.fit(dataset, border, SMALL.model_copy(update={"seeds": 4})).rows == sum(parts)
    assert ridge.fit(dataset, border, RidgeSettings()).rows == sum(parts) == len(dataset.known_by(border))
    for fit in (lambda: xgboost.fit(dataset, dataset.from_ms, SMALL), lambda: ridge.fit(dataset, 0, RidgeSettings())):
        with pytest.raises(BadInput, match="found 0 labelled rows"):
            fit()


def test_age_weights_halve_with_the_half_life_and_average_one() -> None:
    open_ms = np.array([0, 10 * DAY_MS])
    weights = xgboost.age_weights(open_ms, 10 * DAY_MS, half_life_d=10)
    assert weights[1] / weights[0] == pytest.approx(2.0)
    assert weights.mean() == pytest.approx(1.0)
    assert xgboost.age_weights(open_ms, 10 * DAY_MS, 0).tolist() == [1.0, 1.0]


def test_importance_points_at_what_was_planted() -> None:
    dataset = made_dataset()
    model = xgboost.fit(dataset, dataset.until_ms, SMALL)
    names = dataset.features.names
    gain = xgboost.gain(model, names)
    assert sum(gain.values()) == pytest.approx(1.0)
    assert "momentum_24" in list(gain)[:4]
    rows = dataset.known_by(dataset.until_ms, every_bars=6)
    falls = xgboost.permutation(model, rows, names, np.random.default_rng(0))
    assert "momentum_24" in list(falls)[:4]


def test_progress_counts_the_rounds_of_all_seeds() -> None:
    seen: list[tuple[int, int]] = []
    settings = XGBoostSettings(n_estimators=3, seeds=2)
    xgboost.fit(made_dataset(), made_dataset().until_ms, settings, progress=lambda done, of: seen.append((done, of)))
    assert seen == [(done, 6) for done in range(1, 7)]


def test_families_are_chosen_by_name_and_strangers_are_named() -> None:
    makers = {"ridge": lambda: RidgeFamily()}
    assert [family.name for family in choose(["ridge"], makers)] == ["ridge"]
    with pytest.raises(BadInput, match=r"'oracle'.*ridge"):
        choose(["oracle"], makers)
    with pytest.raises(BadInput, match="once at most"):
        choose(["ridge", "ridge"], makers)


def test_ic_and_auc_by_hand() -> None:
    scores, target = np.arange(40.0), np.arange(40.0) * 2 + 1
    assert information_coefficient(scores, target) == pytest.approx(1.0)
    assert np.isnan(information_coefficient(scores[:10], target[:10]))
    assert area_under_curve(np.array([1.0, 2.0, 2.0, 3.0]), np.array([False, False, True, True])) == pytest.approx(
        0.875
    )


def test_daily_sums_hold_what_a_correlation_needs() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 500))
    sums = daily_skill(x, y, np.arange(500) * 3_600_000).sums
    assert sums.sum(0) == pytest.approx([500, x.sum(), y.sum(), (x * x).sum(), (y * y).sum(), (x * y).sum()])
    assert len(sums) == 21


def test_the_bootstrap_tells_skill_from_noise() -> None:
    rng = np.random.default_rng(1)
    x, noise = rng.normal(size=(2, 24 * 400))
    times = np.arange(len(x)) * 3_600_000
    assert bootstrap_p_value(daily_skill(x, 0.1 * x + noise, times).sums, 10, 500, 0) < 0.01
    assert bootstrap_p_value(daily_skill(x, noise, times).sums, 10, 500, 0) > 0.02


def test_skill_without_profit_does_not_pass() -> None:
    rng = np.random.default_rng(1)
    x, noise = rng.normal(size=(2, 24 * 400))
    times = np.arange(len(x)) * 3_600_000
    losing = judge(x, 0.1 * x + noise, times, np.array([-0.01, 0.005]), Config().validation, 0, markets=3)
    winning = judge(x, 0.1 * x + noise, times, np.array([0.01, 0.005]), Config().validation, 0, markets=3)
    assert not losing.passed
    assert winning.passed


def test_no_trades_make_an_empty_win_table() -> None:
    assert win_table([]) == {}
