"""The four alarms: quiet on the world that was trained on, loud where it changed, and each asks for the right thing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from storage.config.tree import Config
from strategies.kernel.state import FACT, FactKind
from strategies.market import DAY_MS, UNITS_PER_QUOTE
from tests.bot.trading.world import MARKETS, body_bundle, minutes, new_database, new_engine, opened, trade
from tests.builders import START_MS
from tests.made_bundles import made_bundle, made_dataset
from training.ensemble.expectation import Expectation
from training.monitors.calibration_drift import ENSEMBLE, Recorded, matured_targets
from training.monitors.drift import AccountRecord, DriftReport, drift_report
from training.monitors.drift_inputs import account_record_of, recorded_of, segments_of
from training.monitors.feature_drift import feature_drift

DATASET = made_dataset()
VALIDATION = Config().validation
SEEN_MS = DATASET.until_ms - 45 * DAY_MS  # as if the training had ended here


def bundle():
    made = made_bundle().bundle
    manifest = made.manifest.model_copy(update={"trained_until_ms": SEEN_MS})
    return type(made)(made.id, manifest, made.features, made.predictors)


def recorded(sign: float = 1.0, skill: float = 0.3) -> Recorded:
    """Return 45 days of decisions whose convictions hold some of what happens next, or the opposite of it."""
    rng = np.random.default_rng(2)
    ms = np.arange(SEEN_MS, DATASET.until_ms + 1, DATASET.timeframe.ms)
    empty = np.full((len(ms), len(DATASET.symbols)), np.nan)
    blank = Recorded(symbols=DATASET.symbols, ms=ms, conviction=empty, votes=np.zeros((*empty.shape, 2)))
    target = np.nan_to_num(matured_targets(blank, DATASET.segments, DATASET.timeframe))
    conviction = sign * skill * target + rng.normal(size=target.shape)
    return replace(blank, conviction=conviction, votes=np.stack([conviction, conviction], axis=2))


def account(daily: np.ndarray) -> AccountRecord:
    equity = 10_000 * UNITS_PER_QUOTE * np.cumprod(np.concatenate([[1.0], 1 + daily]))
    closes = SEEN_MS // DAY_MS * DAY_MS + np.arange(len(equity)) * DAY_MS
    nothing = np.zeros(len(equity))
    return AccountRecord(
        closes_ms=closes, equity=equity, exposure=nothing, facts=np.zeros(0, FACT), unit_values=np.zeros(0)
    )


def expected() -> Expectation:
    rng = np.random.default_rng(3)
    return Expectation(
        daily_returns=rng.normal(0.0005, 0.01, 800), daily_turnover=np.zeros(800), daily_exposure=np.ones(800)
    )


def report(
    given: Recorded | None = None, daily: np.ndarray | None = None, promised: Expectation | None = None
) -> DriftReport:
    calm = np.random.default_rng(4).normal(0.0005, 0.01, 40) if daily is None else daily
    return drift_report(
        bundle(), given or recorded(), account(calm), DATASET.segments, promised or expected(), VALIDATION
    )


def test_on_the_world_that_was_trained_on_nothing_alarms() -> None:
    found = report()
    assert found.alarms == ()
    assert not found.wants_training
    assert not found.wants_rollback
    assert "no drift" in found.sentence
    assert {part.name for part in found.calibration} == {"xgboost", "ridge", ENSEMBLE}
    assert next(part for part in found.calibration if part.name == ENSEMBLE).ic > 0.1


def test_a_shifted_world_moves_features_and_asks_for_a_training_not_a_rollback() -> None:
    shifted = []
    for segment in DATASET.segments:
        features = segment.features.copy()
        features[segment.open_ms >= SEEN_MS] += 2.5
        shifted.append(replace(segment, features=features))
    found = feature_drift(shifted, DATASET.features, DATASET.timeframe, SEEN_MS, np.random.default_rng(0))
    assert sum(part.has_moved for part in found) > len(found) / 2
    whole = drift_report(bundle(), recorded(), account(np.zeros(3)), shifted, expected(), VALIDATION)
    assert whole.wants_training
    assert not whole.wants_rollback
    assert "features moved" in whole.sentence


def test_only_directional_features_are_watched() -> None:
    found = feature_drift(DATASET.segments, DATASET.features, DATASET.timeframe, SEEN_MS, np.random.default_rng(0))
    directional = [
        name for name, is_one in zip(DATASET.features.names, DATASET.features.directional, strict=True) if is_one
    ]
    assert [part.name for part in found] == directional


def test_too_young_a_bundle_has_nothing_to_say() -> None:
    young = replace(recorded(), ms=recorded().ms[:100], conviction=recorded().conviction[:100])
    young = replace(young, votes=young.votes[:100])
    found = drift_report(made_bundle().bundle, young, account(np.zeros(3)), DATASET.segments, expected(), VALIDATION)
    assert (found.features, found.calibration, found.drawdown) == ((), (), None)
    assert "too little" in found.sentence


def test_markets_that_only_teach_and_those_too_young_or_gone_neither_stop_nor_blind_the_monitors() -> None:
    first, *_ = DATASET.segments
    teacher = replace(first, symbol="TEACHERUSDT")
    young = replace(first.after(int(np.searchsorted(first.open_ms, SEEN_MS - 20 * DAY_MS))), symbol="YOUNGUSDT")
    gone = first.until(SEEN_MS - 90 * DAY_MS, DATASET.timeframe)
    assert gone is not None
    more = (teacher, young, replace(gone, symbol="GONEUSDT"))
    usual = report()
    wide = replace(
        recorded(),
        symbols=(*DATASET.symbols, "YOUNGUSDT", "GONEUSDT"),
        conviction=np.pad(recorded().conviction, ((0, 0), (0, 2)), constant_values=np.nan),
        votes=np.pad(recorded().votes, ((0, 0), (0, 2), (0, 0)), constant_values=np.nan),
    )
    calm = account(np.random.default_rng(4).normal(0.0005, 0.01, 40))
    found = drift_report(bundle(), wide, calm, (*DATASET.segments, *more), expected(), VALIDATION)
    assert found.features == usual.features != ()
    assert [part.ic for part in found.calibration] == [part.ic for part in usual.calibration]


def test_scores_that_say_the_opposite_of_what_happens_break_the_calibration() -> None:
    found = report(recorded(sign=-1.0, skill=2.5))
    assert next(part for part in found.calibration if part.name == ENSEMBLE).ic < -0.5
    assert found.wants_training
    assert "miscalibrated" in found.sentence


def test_a_fall_beyond_the_band_asks_for_a_rollback_and_no_training() -> None:
    found = report(daily=np.full(40, -0.02))
    assert found.wants_rollback
    assert not found.wants_training
    assert "drawdown" in found.sentence


def test_a_risk_twice_as_large_as_its_past_is_no_rollback_by_itself() -> None:
    found = report(daily=np.random.default_rng(11).normal(0.0005, 0.02, 40))
    assert found.drawdown is not None
    assert found.drawdown.found > 0.08  # beyond what forty days of the past lets expect
    assert not found.wants_rollback


def test_the_band_does_not_move_between_two_looks_within_a_year() -> None:
    steady = np.tile([0.0105, -0.0095], 100)
    bands = [report(daily=steady[:days]).drawdown for days in (20, 60, 200)]
    assert all(bands)
    assert max(band.high for band in bands if band) < 1.1 * min(band.high for band in bands if band)


def test_an_account_that_trades_not_at_all_is_noticed() -> None:
    busy = replace(expected(), daily_turnover=np.random.default_rng(5).gamma(2.0, 0.1, 800))
    found = report(promised=busy)
    assert found.turnover is not None
    assert found.turnover.is_left
    assert any("turnover" in alarm for alarm in found.alarms)


def traded_account(turnover: float, exposure: float) -> AccountRecord:
    """Return 40 days of an account that holds `exposure` of its equity and trades `turnover` of that a day."""
    calm = account(np.zeros(40))
    facts = np.zeros(40, FACT)
    facts["kind"], facts["ms"], facts["price"] = FactKind.FILL, calm.closes_ms[:-1] + 1, 1
    facts["lots"] = round(turnover * exposure * float(calm.equity[0]))
    return replace(calm, exposure=np.full(41, exposure), facts=facts, unit_values=np.ones(40))


def test_turnover_is_of_what_is_held_and_how_much_that_is_raises_no_alarm() -> None:
    usual = replace(expected(), daily_turnover=np.random.default_rng(5).gamma(8.0, 0.02, 800))
    for exposure in (0.4, 1.0, 2.0):
        for turnover, is_left in ((0.16, False), (0.3, True), (0.05, True)):
            found = drift_report(
                bundle(), recorded(), traded_account(turnover, exposure), DATASET.segments, usual, VALIDATION
            )
            assert found.turnover is not None
            assert found.turnover.found == pytest.approx(turnover, rel=1e-3)
            assert found.turnover.is_left == is_left


def test_the_turnover_of_a_record_that_knows_no_exposure_is_not_judged() -> None:
    old = Expectation.read({"expected": {"daily_returns": [0.01, -0.01], "daily_turnover": [0.2, 0.1]}})
    found = report(promised=old)
    assert found.turnover is None
    assert found.drawdown is not None


def test_a_bundle_s_record_gives_its_expectation_back() -> None:
    made = made_bundle().expected
    read = Expectation.read({"expected": made.document()})
    assert read is not None
    assert np.allclose(read.daily_returns, made.daily_returns, atol=1e-8)
    assert len(made.daily_returns) > 60
    assert made.daily_turnover.mean() > 0
    assert len(read.daily_exposure) == len(read.daily_turnover)
    assert read.daily_exposure.mean() > 0
    assert Expectation.read({}) is None


def test_a_ledger_s_decisions_are_read_as_they_were_taken(tmp_path: Path) -> None:
    database, engine = new_database(tmp_path), new_engine()
    opened_account, journal = opened(database, engine)
    trade(engine, journal, minutes(600))
    found = recorded_of(database, opened_account, body_bundle())
    assert found.symbols == tuple(market.symbol for market in MARKETS)
    assert found.conviction.shape == (10, 3)
    assert np.array_equal(found.conviction, found.votes[:, :, 0], equal_nan=True) is False
    assert np.isfinite(found.votes).all()
    record = account_record_of(database, opened_account, START_MS)
    assert len(record.closes_ms) == len(record.equity) == 10
    assert record.equity[-1] == pytest.approx(float(engine.state.account["equity"][0]))
    assert len(record.exposure) == 10
    assert record.exposure.max() > 0
    segments = segments_of(database, opened_account, made_bundle().bundle, None)
    assert [part.symbol for part in segments] == list(found.symbols)
    assert int(segments[0].open_ms[-1]) == int(found.ms[-1]) - 3_600_000
