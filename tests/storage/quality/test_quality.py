"""The data check: planted faults are found and nothing else; real crashes stay, real gaps and wicks are found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.candles.gaps import fill_gaps, segments
from storage.candles.rows import Source, StoredCandles
from storage.quality.check import Report, check_candles
from storage.quality.cross_timeframe import aggregate
from storage.quality.outliers import Reference
from strategies.market import CLOSE, DAY_MS, HOUR_MS, LOW, OPEN, OPEN_MS, VOLUME, Timeframe
from tests.storage.candles.candle_builders import START_MS, real_candles, walk

H1 = Timeframe.H1


def found(report: Report) -> dict[str, tuple[str, list[int]]]:
    return {finding.check: (finding.severity, finding.times_ms.tolist()) for finding in report.findings}


def hour(number: int) -> int:
    return START_MS + number * HOUR_MS


def test_a_sound_series_has_no_findings() -> None:
    report = check_candles(walk(2000), H1)
    assert found(report) == {}
    assert (report.rows, report.expected, report.missing, report.segments) == (2000, 2000, 0, 1)


def test_short_gaps_are_notes_and_long_ones_borders() -> None:
    candles = np.delete(walk(300), [50, 51, 52, 100, 101, 102, 103], axis=0)
    report = check_candles(candles, H1)
    assert found(report) == {"gap_short": ("note", [hour(50)]), "gap_long": ("flag", [hour(100)])}
    assert (report.expected, report.missing, report.segments) == (300, 7, 2)


@pytest.mark.parametrize(
    ("row", "column", "value", "check"),
    [
        (70, CLOSE, np.nan, "ohlc"),
        (70, LOW, -1.0, "ohlc"),
        (70, LOW, 500.0, "ohlc"),
        (70, OPEN_MS, hour(70) + 5, "off_grid"),
        (70, OPEN_MS, hour(69), "duplicates"),
        (70, OPEN_MS, hour(20), "order"),
    ],
)
def test_what_makes_a_series_unusable_is_fatal(row: int, column: int, value: float, check: str) -> None:
    candles = walk(200)
    candles[row, column] = value
    report = check_candles(candles, H1)
    assert report.is_fatal
    assert found(report)[check][0] == "fatal"


def test_idle_and_stale_stretches_are_flagged_where_they_begin() -> None:
    candles = walk(300)
    candles[40:42, VOLUME] = 0
    candles[100:115, OPEN:VOLUME] = candles[99, CLOSE]
    candles[115, OPEN] = candles[99, CLOSE]
    candles[115, 2], candles[115, 3] = candles[115, OPEN:VOLUME].max(), candles[115, OPEN:VOLUME].min()
    checks = found(check_candles(candles, H1))
    assert checks["zero_volume"] == ("flag", [hour(40)])
    assert checks["stale"] == ("flag", [hour(100)])


def crash(candles: np.ndarray, row: int, fraction: float) -> np.ndarray:
    """Return the candles with everything from `row` on lower by a fraction, the fall inside that bar."""
    fallen = candles.copy()
    fallen[row:, OPEN:VOLUME] *= 1 - fraction
    fallen[row, OPEN] = candles[row, OPEN]
    fallen[row, 2] = max(fallen[row, OPEN:VOLUME])
    return fallen


def test_a_crash_that_another_market_saw_is_kept_as_real() -> None:
    candles = crash(walk(2000), 1500, 0.3)
    other = Reference(name="other", candles=crash(walk(2000, seed=2), 1500, 0.2))
    assert found(check_candles(candles, H1, references=[other])) == {"outlier_confirmed": ("note", [hour(1500)])}


def test_a_crash_that_no_other_market_saw_is_quarantined() -> None:
    other = Reference(name="other", candles=walk(2000, seed=2))
    report = check_candles(crash(walk(2000), 1500, 0.3), H1, references=[other])
    assert found(report) == {"outlier_unconfirmed": ("quarantine", [hour(1500)])}
    assert not report.is_fatal


def test_a_crash_with_nothing_to_compare_is_only_flagged() -> None:
    assert found(check_candles(crash(walk(2000), 1500, 0.3), H1)) == {"outlier_unjudged": ("flag", [hour(1500)])}


def test_a_wick_is_an_outlier_though_the_close_is_not() -> None:
    candles = walk(2000)
    candles[1500, LOW] *= 0.2
    other = Reference(name="other", candles=walk(2000, seed=2))
    assert found(check_candles(candles, H1, references=[other])) == {
        "outlier_unconfirmed": ("quarantine", [hour(1500)])
    }


def test_a_coarser_series_of_another_market_is_fatal_and_one_odd_bar_is_not() -> None:
    candles = walk(2000)
    coarse = aggregate(candles, H1, Timeframe.H4)
    assert found(check_candles(candles, H1, coarser={Timeframe.H4: coarse})) == {}
    odd = coarse.copy()
    odd[30, VOLUME] += 0.001
    assert found(check_candles(candles, H1, coarser={Timeframe.H4: odd})) == {
        "cross_timeframe": ("quarantine", [int(odd[30, OPEN_MS])])
    }
    foreign = aggregate(walk(2000, seed=5), H1, Timeframe.H4)
    assert check_candles(candles, H1, coarser={Timeframe.H4: foreign}).is_fatal


def test_an_incomplete_coarse_bar_is_not_compared() -> None:
    candles = walk(8)
    joined = aggregate(np.delete(candles, 5, axis=0), H1, Timeframe.H4)
    assert joined[:, OPEN_MS].tolist() == [START_MS]
    assert joined[0, VOLUME] == pytest.approx(candles[:4, VOLUME].sum())


def test_filled_bars_are_marked_and_hold_the_previous_close() -> None:
    candles = walk(10)
    stored = StoredCandles(candles=np.delete(candles, [3, 4], axis=0), source=np.zeros(8, np.uint8))
    filled = fill_gaps(stored, H1)
    assert filled.open_ms.tolist() == candles[:, OPEN_MS].tolist()
    assert filled.source.tolist() == [0, 0, 0, Source.REPAIRED, Source.REPAIRED, 0, 0, 0, 0, 0]
    assert filled.candles[3, OPEN:].tolist() == [candles[2, CLOSE]] * 4 + [0.0]
    assert filled.candles[4, OPEN:].tolist() == [candles[2, CLOSE]] * 4 + [0.0]
    assert filled.candles[5:].tobytes() == candles[5:].tobytes()


@settings(max_examples=50, deadline=None)
@given(rows=st.lists(st.integers(0, 200), min_size=1, max_size=60, unique=True).map(sorted), most=st.integers(0, 5))
def test_filling_leaves_exactly_the_gaps_between_segments(rows: list[int], most: int) -> None:
    candles = walk(201)[rows]
    stored = StoredCandles(candles=candles, source=np.zeros(len(rows), np.uint8))
    filled = fill_gaps(stored, H1, most)
    pieces = segments(filled.candles, H1, 0)
    assert len(pieces) == len(segments(candles, H1, most))
    for piece in pieces:
        assert (np.diff(filled.candles[piece, OPEN_MS]) == HOUR_MS).all()
    real = filled.source == Source.REAL
    assert filled.candles[real].tobytes() == candles.tobytes()
    assert filled.candles[~real, VOLUME].sum() == 0


def test_the_real_outages_of_the_spot_minutes_are_found() -> None:
    report = check_candles(real_candles("BTCUSDT_1m_spot"), Timeframe.M1)
    checks = found(report)
    assert report.expected - report.rows == 632
    assert report.missing == 634  # two rows are off the grid, inside minutes that are there or missing
    assert len(checks["off_grid"][1]) == 2
    assert len(checks["gap_long"][1]) == 3


def test_the_crash_of_march_2020_is_real_and_kept() -> None:
    btc, eth = real_candles("BTCUSDT_1h_futures"), real_candles("ETHUSDT_1h_futures")
    report = check_candles(btc, H1, references=[Reference(name="ETH", candles=eth)])
    severity, times = found(report)["outlier_confirmed"]
    day = np.datetime64("2020-03-12", "ms").astype(np.int64)
    assert severity == "note"
    assert any(day <= time < day + DAY_MS for time in times)
    assert not report.is_fatal


def test_the_wicks_of_usdc_are_quarantined() -> None:
    usdc, btc = real_candles("USDCUSDT_1h_spot"), real_candles("BTCUSDT_1h_spot")
    report = check_candles(usdc, H1, references=[Reference(name="BTC", candles=btc)])
    severity, times = found(report)["outlier_unconfirmed"]
    wicks = [np.datetime64(text, "ms").astype(int) for text in ("2021-12-04T08", "2022-05-11T20")]
    assert severity == "quarantine"
    assert set(wicks) <= set(times)
    assert not report.is_fatal


def test_real_hours_sum_to_real_four_hours_but_for_two() -> None:
    hours, fours = real_candles("BTCUSDT_1h_futures"), real_candles("BTCUSDT_4h_futures")
    severity, times = found(check_candles(hours, H1, coarser={Timeframe.H4: fours}))["cross_timeframe"]
    assert (severity, len(times)) == ("quarantine", 2)
