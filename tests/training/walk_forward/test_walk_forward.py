"""The walk forward: folds, no look at the future, the cache, figures, words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from strategies.errors import BadInput
from strategies.market import DAY_MS, UNITS_PER_QUOTE
from tests.training.walk_forward.walk_builders import (
    cut,
    made_folds,
    made_plan,
    made_walk,
    made_world,
    run_candles,
    small_xgboost,
)
from training.backtest.run import Stress
from training.backtest.scoring import targets_of
from training.data.dataset import Dataset
from training.data.labels import Labelling
from training.data.splits import Fold, next_month
from training.ensemble.families import RidgeFamily
from training.ensemble.fits import Means, fit_folds
from training.families.fold_cache import fold_key
from training.runtime.compute import Compute
from training.runtime.file_cache import CHECKSUMS, FileCache
from training.walk_forward.fold_figures import FoldFigures, fold_figures, stability
from training.walk_forward.fold_plan import Schedule, plan_folds
from training.walk_forward.walk import WalkForward, fold_bundles, known_before, walk_forward

YEAR_2020 = 1_577_836_800_000
YEAR_2024 = 1_704_067_200_000


def test_folds_are_adjacent_purged_and_have_scores_behind_the_first() -> None:
    plan = plan_folds(YEAR_2020, YEAR_2024, Schedule(refit_months=6))
    for before, after in zip(plan.all, plan.all[1:], strict=False):
        assert before.end_ms == after.start_ms
    assert plan.end_ms == YEAR_2024
    assert all(fold.train_until_ms == fold.start_ms - DAY_MS for fold in plan.all)
    assert all(fold.train_from_ms is None for fold in plan.all)
    assert plan.start_ms - plan.all[0].start_ms >= 400 * DAY_MS or plan.all[0].start_ms - YEAR_2020 < 202 * DAY_MS
    assert plan.traded[1].start_ms == next_month(plan.start_ms, 6)


def test_a_rolling_fold_learns_from_its_window_alone() -> None:
    plan = plan_folds(YEAR_2020, YEAR_2024, Schedule(train_days=180, test_days=30))
    for fold in plan.all:
        assert fold.train_from_ms == fold.train_until_ms - 180 * DAY_MS
        assert fold.train_from_ms >= YEAR_2020
    assert all(fold.end_ms - fold.start_ms == 30 * DAY_MS for fold in plan.traded[:-1])


def test_a_start_before_anything_was_learnt_is_refused_with_the_first_possible_day() -> None:
    with pytest.raises(BadInput, match="begins 2020-09-18"):
        plan_folds(YEAR_2020, YEAR_2024, Schedule(start_ms=YEAR_2020 + 100 * DAY_MS))


def test_a_short_window_says_that_it_will_look_worse() -> None:
    assert "180 days only" in Schedule(train_days=180, test_days=30).note
    assert Schedule(train_days=0).note == ""


@pytest.mark.parametrize("wrong", [{"train_days": 5.0}, {"refit_months": 0}, {"test_days": 0.5}])
def test_windows_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadInput, match="needed"):
        Schedule(**wrong)  # type: ignore[arg-type]


def test_a_planted_edge_is_found_traded_and_beats_costs() -> None:
    walked = made_walk()
    folds = fold_figures(walked, targets_of(walked.result), 0)
    assert np.mean([fold.ic for fold in folds]) > 0.1
    assert walked.result.curve.final > walked.result.curve.initial
    assert stability(folds).is_stable


def test_folds_add_up_to_the_run() -> None:
    walked = made_walk()
    folds = fold_figures(walked, targets_of(walked.result), 0)
    grown = float(np.prod([1.0 + fold.net_return for fold in folds]))
    assert grown == pytest.approx(walked.result.curve.final / walked.result.curve.initial, rel=1e-9)
    assert sum(fold.trades for fold in folds) == len(walked.result.trades)


def test_nothing_after_a_fold_changes_its_decisions() -> None:
    whole, dataset = made_walk(), made_world()
    short_until = whole.folds.traded[2].end_ms
    plan = replace(whole.folds, traded=whole.folds.traded[:3])
    shorter = cut(dataset, short_until)
    again = walk_forward(shorter, run_candles(shorter, plan), made_plan(), plan)
    rows = len(again.result.path.ms)
    for name in ("conviction", "expected_return", "votes", "sigma"):
        np.testing.assert_array_equal(getattr(again.result.path, name), getattr(whole.result.path, name)[:rows])
    # Made-up prices have no tick of their own: it is inferred from all of them, and a finer one rounds otherwise.
    np.testing.assert_allclose(again.result.run.equity, whole.result.run.equity[:rows], rtol=1e-5)


def test_the_scales_of_a_fold_ignore_scores_and_labels_from_its_beginning_on() -> None:
    walked, dataset = made_walk(), made_world()
    fold = walked.folds.traded[1]
    models = fit_folds(dataset, [RidgeFamily()], [fold], Means())
    honest = fold_bundles(dataset, walked.plan, fold, walked.runs, models)[0].manifest
    spoilt = [
        replace(
            run,
            scores=np.where((run.open_ms >= fold.start_ms)[:, None], 99.0, run.scores),
            target=np.where(run.open_ms + 13 * 3_600_000 > fold.start_ms, 99.0, run.target),
        )
        for run in walked.runs
    ]
    assert fold_bundles(dataset, walked.plan, fold, spoilt, models)[0].manifest == honest


def test_a_label_is_known_only_once_it_is_settled() -> None:
    walked, dataset = made_walk(), made_world()
    [run, *_] = known_before(walked.runs, walked.folds.start_ms, dataset)
    assert run.open_ms[-1] + dataset.timeframe.ms == walked.folds.start_ms
    assert np.isnan(run.target[-12:]).all()
    assert np.isfinite(run.target[-14])


def test_neither_cache_nor_workers_change_a_bit(tmp_path: Path) -> None:
    dataset = made_world(bars=7_000)
    folds = made_folds(dataset)
    candles, plan = run_candles(dataset, folds), made_plan(small_xgboost(), RidgeFamily())
    kept = Means(cache=FileCache(root=tmp_path))
    plain = walk_forward(dataset, candles, plan, folds)
    cold = walk_forward(dataset, candles, plan, folds, means=kept)
    warm = walk_forward(dataset, candles, plan, folds, means=kept)
    parallel = walk_forward(dataset, candles, plan, folds, means=Means(compute=Compute(workers=2)))
    for other in (cold, warm, parallel):
        assert_same(plain, other)
    stored = {path.suffix for path in tmp_path.rglob("*") if path.is_file() and path.name != ".lock"}
    assert stored == {".json", ".npy", ".ubj"}  # models, and the scores they gave


def assert_same(one: WalkForward, other: WalkForward) -> None:
    for mine, theirs in zip(one.runs, other.runs, strict=True):
        assert mine.scores.tobytes() == theirs.scores.tobytes()
    assert one.result.run.equity.tobytes() == other.result.run.equity.tobytes()
    assert one.result.run.facts.tobytes() == other.result.run.facts.tobytes()


def test_a_model_is_found_again_after_data_grew_and_fitted_again_when_its_own_data_or_settings_change() -> None:
    dataset = made_world(bars=7_000)
    fold = made_folds(dataset).traded[0]
    key = fold_key(small_xgboost(), dataset, fold)
    assert fold_key(small_xgboost(), cut(dataset, fold.end_ms), fold) == key
    assert fold_key(small_xgboost(seed=1), dataset, fold) != key
    assert fold_key(RidgeFamily(), dataset, fold) != key
    assert fold_key(small_xgboost(), revised(dataset, fold), fold) != key
    assert fold_key(small_xgboost(), replace(dataset, labelling=Labelling(target="triple_barrier")), fold) != key


def revised(dataset: Dataset, fold: Fold) -> Dataset:
    """Return the dataset with one close inside the fold's window changed."""
    first, *rest = dataset.segments
    candles = first.candles.copy()
    candles[np.searchsorted(candles[:, 0], fold.train_until_ms) - 100, 4] *= 1.001
    return replace(dataset, segments=(replace(first, candles=candles), *rest))


def test_a_damaged_or_unfinished_cache_entry_is_fitted_again(tmp_path: Path) -> None:
    cache, fits = FileCache(root=tmp_path), []

    def fit() -> dict[str, bytes]:
        fits.append(1)
        return {"ridge.json": b"model"}

    assert cache.files("key", fit) == cache.files("key", fit) == {"ridge.json": b"model"}
    assert len(fits) == 1
    (tmp_path / "key" / "ridge.json").write_bytes(b"mode1")
    assert cache.files("key", fit) == {"ridge.json": b"model"}
    (tmp_path / "key" / CHECKSUMS).unlink()
    assert cache.files("key", fit) == {"ridge.json": b"model"}
    assert len(fits) == 3


def test_doubled_costs_earn_less_and_late_decisions_trade_later() -> None:
    dataset, plain = made_world(), made_walk()
    candles = run_candles(dataset, plain.folds)
    dear = walk_forward(dataset, candles, made_plan(), plain.folds, stress=Stress(costs_factor=3.0))
    late = walk_forward(dataset, candles, made_plan(), plain.folds, stress=Stress(delay_bars=1))
    assert dear.result.curve.final < plain.result.curve.final
    assert late.result.trades[0].opened_ms == plain.result.trades[0].opened_ms + 3_600_000
    assert plain.result.initial_units == 10_000 * UNITS_PER_QUOTE


def figures(net_return: float, ic: float) -> FoldFigures:
    numbers = dict.fromkeys(("number", "train_from_ms", "train_until_ms", "start_ms", "end_ms", "trades"), 0)
    return FoldFigures(
        **numbers, ic=ic, net_return=net_return, sharpe=net_return * 10, max_drawdown=0.1, holding_return=0.0
    )


@pytest.mark.parametrize(
    ("returns", "ic", "opening"),
    [
        ((0.05, 0.04, -0.02, 0.03, 0.02), 0.05, "Stable"),
        ((0.05, -0.04, -0.02, 0.03, 0.02, -0.1), 0.05, "Not stable"),
        ((0.30, 0.20, 0.01, -0.10, 0.01, 0.01), 0.05, "Not stable"),
        ((0.05, 0.04, -0.02, 0.03, 0.02), -0.01, "Not stable"),
        ((0.05, 0.04), 0.05, "Too few folds"),
    ],
)
def test_stability_wants_most_folds_both_halves_and_skill(returns: tuple[float, ...], ic: float, opening: str) -> None:
    found = stability([figures(value, ic) for value in returns])
    assert found.words.startswith(opening)
    assert found.is_stable == (opening == "Stable")
