"""Outlying bars: found whatever the scale, believed when another market moved too, and never across a gap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.quality.outliers import LEAST_BARS, Reference, check_outliers, confirmed_by, outlying_moves, robust_z
from strategies.market import CLOSE, HIGH, HOUR_MS, LOW, OPEN, OPEN_MS, Timeframe
from tests.storage.candles.candle_builders import START_MS, walk

Z = 12.0


def jumped(row: int, factor: float, bars: int = 400) -> np.ndarray:
    """Return a walk whose price changes by a factor at a bar's close, and stays."""
    candles = walk(bars)
    candles[row, CLOSE] *= factor
    candles[row, HIGH], candles[row, LOW] = candles[row, OPEN : CLOSE + 1].max(), candles[row, OPEN : CLOSE + 1].min()
    candles[row + 1 :, OPEN : CLOSE + 1] *= factor
    return candles


@given(scale=st.floats(1e-6, 1e6), seed=st.integers(0, 99))
def test_robust_z_knows_no_scale_and_no_future(scale: float, seed: int) -> None:
    values = np.random.default_rng(seed).normal(0, 0.01, 300)
    whole = robust_z(values)
    assert (whole[: LEAST_BARS - 1] == 0).all()
    assert np.array_equal(robust_z(values[:250]), whole[:250])
    if scale >= 1:  # a MAD under the least one is lifted to it
        np.testing.assert_allclose(robust_z(values * scale), whole, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("factor", [1.4, 0.6])
def test_a_jump_is_found_with_its_length_and_its_bar(factor: float) -> None:
    moves = outlying_moves(jumped(300, factor), Timeframe.H1, Z)
    assert moves.rows.tolist() == [300]
    assert moves.lengths[0] == pytest.approx(np.log(factor), abs=0.02)


def test_a_wick_needs_twice_as_much() -> None:
    candles = walk(400)
    spread = np.std(np.diff(np.log(candles[:, CLOSE])))
    candles[300, HIGH] = candles[300, OPEN] * np.exp(100 * spread)
    moves = outlying_moves(candles, Timeframe.H1, Z)
    assert moves.rows.tolist() == [300]
    assert moves.lengths[0] > 0


def test_a_move_over_a_gap_is_not_judged() -> None:
    candles = jumped(300, 1.4)
    candles[300:, OPEN_MS] += 5 * HOUR_MS
    candles[300, OPEN : CLOSE + 1] = candles[300, CLOSE]  # the market opened where it went meanwhile
    assert not len(outlying_moves(candles, Timeframe.H1, Z).rows)


def test_too_few_bars_judge_nothing() -> None:
    assert not len(outlying_moves(jumped(50, 2.0, LEAST_BARS - 1), Timeframe.H1, Z).rows)


@pytest.mark.parametrize(
    ("reference", "check", "severity"),
    [
        ([Reference(name="same", candles=jumped(300, 1.2))], "outlier_confirmed", "note"),
        ([Reference(name="late", candles=jumped(301, 1.2))], "outlier_confirmed", "note"),
        ([Reference(name="calm", candles=walk(400, seed=2))], "outlier_unconfirmed", "quarantine"),
        ([Reference(name="other way", candles=jumped(300, 0.7))], "outlier_unconfirmed", "quarantine"),
        ([Reference(name="earlier", candles=walk(200, seed=2))], "outlier_unjudged", "flag"),
        ([], "outlier_unjudged", "flag"),
    ],
    ids=lambda value: "" if isinstance(value, str) else "+".join(part.name for part in value),
)
def test_a_move_is_believed_when_another_market_made_it_too(
    reference: list[Reference], check: str, severity: str
) -> None:
    candles = jumped(300, 1.4)
    [finding] = check_outliers(candles, Timeframe.H1, reference, Z)
    assert (finding.check, finding.severity) == (check, severity)
    assert finding.times_ms.tolist() == [START_MS + 300 * HOUR_MS]
    assert "(largest +" in finding.text
    confirmed, judged = confirmed_by(candles, outlying_moves(candles, Timeframe.H1, Z), reference, Timeframe.H1)
    assert (bool(confirmed[0]), bool(judged[0])) == (check == "outlier_confirmed", check != "outlier_unjudged")
