"""Correlations from daily sums: NumPy's own, however the days are cut, pooled and put end to end."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.bundle.calibration import Calibration, fit, fit_slope
from strategies.market import DAY_MS, HOUR_MS
from training.evidence.daily_skill import NOTHING_PROMISED, DailySkill, correlations, daily_skill
from training.evidence.panel_skill import daily_sums
from training.families.xgboost.classification_scores import LEAST_EVENTS, Uplift, class_scores, discoveries, uplifts

SEEDS = st.integers(0, 999)


def scored(seed: int, rows: int = 200, markets: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, markets))
    y = 0.3 * x + rng.normal(size=(rows, markets))
    x[rng.random(x.shape) < 0.1] = np.nan
    y[rng.random(y.shape) < 0.1] = np.nan
    return x, y, 1_700_000_000_000 // DAY_MS * DAY_MS + HOUR_MS * np.arange(rows, dtype=np.int64)


@given(seed=SEEDS)
def test_the_ic_of_all_days_is_the_plain_correlation(seed: int) -> None:
    x, y, ms = scored(seed)
    known = np.isfinite(x[:, 0]) & np.isfinite(y[:, 0])
    found = daily_skill(x[:, 0], y[:, 0], ms)
    assert found.ic == pytest.approx(np.corrcoef(x[known, 0], y[known, 0])[0, 1])
    assert found.sums[:, 0].sum() == known.sum()


@given(seed=SEEDS, cut=st.integers(0, 9))
def test_days_cut_apart_and_put_together_are_the_same_days(seed: int, cut: int) -> None:
    x, y, ms = scored(seed)
    whole = daily_skill(x[:, 0], y[:, 0], ms)
    border = int(whole.days[min(cut, len(whole.days) - 1)])
    before = DailySkill(days=whole.days[whole.days < border], sums=whole.sums[whole.days < border])
    joined = before.then(whole.since(border * DAY_MS))
    assert np.array_equal(joined.days, whole.days)
    assert joined.ic == whole.ic
    assert whole.then(whole.since(border * DAY_MS)).ic == whole.ic, "days that are live take the promised ones' place"


@given(seed=SEEDS)
def test_days_survive_being_written_and_read(seed: int) -> None:
    x, y, ms = scored(seed)
    found = daily_skill(x[:, 0], y[:, 0], ms)
    again = DailySkill.read({"skill": found.document()})
    assert np.array_equal(again.days, found.days)
    assert again.ic == pytest.approx(found.ic, abs=1e-7)
    assert not len(DailySkill.read({}).days)


def test_what_does_not_vary_has_no_correlation() -> None:
    flat = daily_skill(np.ones(100), np.arange(100.0), HOUR_MS * np.arange(100))
    few = daily_skill(np.arange(20.0), np.arange(20.0), HOUR_MS * np.arange(20))
    assert [math.isnan(part.ic) for part in (flat, few, NOTHING_PROMISED)] == [True, True, True]
    assert correlations(flat.sums.sum(0)[None]).tolist() == [0.0]


@given(seed=SEEDS)
def test_the_sums_of_a_panel_are_those_of_its_markets(seed: int) -> None:
    x, y, ms = scored(seed, markets=3)
    found = daily_sums(x, y, ms)
    assert found.shape == (3, 9, 6)
    for market in range(3):
        own = daily_skill(x[:, market], y[:, market], ms)
        np.testing.assert_allclose(found[market][own.days - ms[0] // DAY_MS], own.sums)


@given(seed=SEEDS, slope=st.floats(-0.5, 0.5))
def test_a_slope_is_shrunk_and_never_promises_what_was_wrong(seed: int, slope: float) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=4_000)
    z = slope * x + rng.normal(size=4_000)
    plain = float((x * z).sum() / (x * x).sum())
    found = fit_slope(x, z, 1.0)
    assert 0.0 <= found <= max(plain, 0.0) + 1e-12
    assert fit_slope(x, z, 1e-6) <= found + 1e-12, "the less a row is worth, the nearer to nothing"
    assert fit(x, z, 24)[0] <= found + 1e-12


def test_a_probability_follows_the_side_of_its_slope() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=5_000)
    for sign in (1.0, -1.0):
        _, found = fit(x, sign * 0.2 * x + rng.normal(size=5_000), 1)
        assert found * sign > 0
        calibration = Calibration(conviction_deviation=1.0, probability_slope=found)
        assert (calibration.probability_up(1.0) > 0.5) == (sign > 0)
        assert calibration.probability_up(2.0) + calibration.probability_up(-2.0) == pytest.approx(1.0)
    assert math.isnan(Calibration(conviction_deviation=1.0).probability_up(1.0))


def test_confidence_is_the_share_of_weaker_convictions() -> None:
    calibration = Calibration(conviction_deviation=1.0, confidence_quantiles=tuple(np.linspace(0, 3, 101)))
    assert [calibration.confidence(value) for value in (0.0, 1.5, -1.5, 9.0)] == pytest.approx([0.0, 0.5, 0.5, 1.0])
    assert math.isnan(calibration.confidence(math.nan))


@given(seed=SEEDS, classes=st.integers(2, 5))
def test_precision_and_recall_are_counted_class_by_class(seed: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    truth, said = rng.integers(0, classes, (2, 80))
    names = tuple(f"class {number}" for number in range(classes))
    for score in class_scores(truth, said, names):
        number = names.index(score.name)
        right, true, named = (
            ((truth == said) & (truth == number)).sum(),
            (truth == number).sum(),
            (said == number).sum(),
        )
        assert score.rows == true
        assert score.recall == pytest.approx(right / true)
        assert score.precision == pytest.approx(right / named if named else 0.0)
        assert score.f1 == pytest.approx(2 * right / (true + named))


@given(values=st.lists(st.floats(0.0, 1.0), max_size=12))
def test_discoveries_are_the_smallest_p_values_and_bounded_by_their_rank(values: list[float]) -> None:
    found = discoveries(
        [Uplift(name=str(n), events=20, mean=0, low=0, high=0, p_value=p) for n, p in enumerate(values)]
    )
    kept = [part.p_value for part in found if part.is_discovery]
    others = [part.p_value for part in found if not part.is_discovery]
    assert not kept or not others or max(kept) < min(others)
    assert not kept or max(kept) <= 0.1 * len(kept) / len(values)


def test_an_uplift_is_measured_against_the_markets_own_drift() -> None:
    rng = np.random.default_rng(2)
    ms = HOUR_MS * np.arange(3_000, dtype=np.int64)
    forward = 0.5 + rng.normal(size=3_000)  # everything rises
    events = (rng.random(3_000) < 0.1).astype(np.int64)
    side = np.ones(3_000, np.int8)
    [found] = uplifts(events, side, forward, ms, ("none", "pattern"), rng)
    assert found.low < 0 < found.high
    assert not found.is_discovery
    forward[events == 1] += 1.0
    [found] = uplifts(events, side, forward, ms, ("none", "pattern"), rng)
    assert found.is_discovery
    assert found.mean == pytest.approx(0.9, abs=0.2)
    few = np.zeros(3_000, np.int64)
    few[: LEAST_EVENTS - 1] = 1
    assert uplifts(few, side, forward, ms, ("none", "pattern"), rng) == []
