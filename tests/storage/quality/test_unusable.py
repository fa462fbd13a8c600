"""Findings that stop: too much missing, timeframes mixed, another unit; and what only looks like them."""

from __future__ import annotations

import numpy as np

from storage.quality.unusable import unusable
from strategies.market import HOUR_MS, Timeframe
from tests.storage.candles.candle_builders import START_MS, walk

H1 = Timeframe.H1


def kinds(candles: np.ndarray) -> list[str]:
    return [finding.check for finding in unusable(candles, H1, 0.3)]


def test_a_sound_series_has_no_fatal_finding() -> None:
    assert kinds(walk(500)) == []
    assert kinds(walk(500)[np.r_[0:200, 250:500]]) == []


def test_too_much_missing_is_fatal_with_the_share_and_the_place() -> None:
    (finding,) = unusable(walk(500)[np.r_[0:100, 400:500]], H1, 0.3)
    assert finding.check == "missing"
    assert "60.0% of the 1h bars" in finding.text
    assert finding.times_ms.tolist() == [START_MS + 99 * HOUR_MS]


def test_two_timeframes_in_one_series_are_named() -> None:
    days = walk(30, Timeframe.D1, START_MS + 2000 * HOUR_MS)
    assert kinds(np.concatenate([walk(2000), days])) == ["mixed_timeframes"]


def test_a_redenomination_is_fatal_and_names_the_command_that_mends_it() -> None:
    candles = walk(500)
    candles[:300, 1:5] /= 1000
    (finding,) = unusable(candles, H1, 0.3)
    assert finding.check == "redenomination"
    assert "sigma data adjust --split 1000 --at 2024-06-13T12:00" in finding.text
    candles = walk(500)
    candles[300:, 1:5] /= 10
    assert "--split 0.1" in unusable(candles, H1, 0.3)[0].text


def test_a_price_that_never_moves_is_fatal() -> None:
    candles = walk(500)
    candles[:, 1:5] = 100.0
    assert kinds(candles) == ["constant"]


def test_a_bad_print_and_a_crash_are_no_redenomination() -> None:
    print_ = walk(500)
    print_[300, 1:5] *= 50
    crash = walk(500)
    crash[300:, 1:5] *= 0.1
    crash[300, 1:3] = crash[299, 4]  # it opened where it closed and fell within the hour
    assert kinds(print_) == []
    assert kinds(crash) == []
