"""The exchange's time: bounded by its stamps, carried by a clock that nobody can set, never led astray by one lie."""

from __future__ import annotations

import pytest

import bot.clock
from bot.clock import SystemClock
from bot.exchange_time import CONFIRM_MS, LONG_CONFIRM_MS, ExchangeTime
from bot.feed.clients import date_ms
from bot.feed.grace import Grace

TRUE_MS = 1_800_000_000_000  # exchange - steady
DAY_MS = 86_400_000


class Bench:
    """An exchange whose stamps are asked for at steady times."""

    def __init__(self) -> None:
        self.steady_ms = 1_000
        self.machine_offset_ms = TRUE_MS
        self.time = ExchangeTime(0)
        self.answer()

    def answer(self, step_ms: int = 0, took_ms: int = 40) -> None:
        stamp_ms = self.steady_ms + TRUE_MS + step_ms
        self.time.observe(
            stamp_ms=stamp_ms,
            until_ms=stamp_ms,
            asked_ms=self.steady_ms - took_ms // 2,
            came_ms=self.steady_ms + took_ms // 2,
            machine_offset_ms=self.machine_offset_ms,
        )

    def frame(self, step_ms: int = 0, delay_ms: int = 30) -> None:
        came_ms = self.steady_ms + delay_ms
        self.time.observe(
            stamp_ms=self.steady_ms + TRUE_MS + step_ms,
            until_ms=None,
            asked_ms=came_ms,
            came_ms=came_ms,
            machine_offset_ms=self.machine_offset_ms,
        )

    def wait(self, ms: int) -> None:
        self.steady_ms += ms


def test_an_answer_bounds_the_time_by_its_round_trip_and_frames_narrow_it() -> None:
    bench = Bench()
    assert abs(bench.time.offset_ms - TRUE_MS) <= 20
    assert bench.time.least_offset_ms() == TRUE_MS - 20
    bench.frame(delay_ms=5)
    assert bench.time.least_offset_ms() == pytest.approx(TRUE_MS - 5, abs=1)


@pytest.mark.parametrize("step_ms", [DAY_MS, 3_000, -600_000])
def test_one_lie_moves_nothing_and_closes_nothing(step_ms: int) -> None:
    bench = Bench()
    bench.wait(1_000)
    bench.answer(step_ms)
    bench.frame(step_ms)
    assert abs(bench.time.offset_ms - TRUE_MS) <= 20
    assert bench.time.least_offset_ms() <= TRUE_MS
    bench.wait(1_000)
    bench.answer()
    assert bench.time.doubted_step_ms is None


@pytest.mark.parametrize("step_ms", [3_000, -600_000])
def test_a_step_that_stays_is_followed_and_named_until_then(step_ms: int) -> None:
    bench = Bench()
    for _ in range(2):
        bench.wait(2_000)
        bench.answer(step_ms)
    assert bench.time.doubted_step_ms == pytest.approx(step_ms, abs=50)
    for _ in range(CONFIRM_MS // 2_000):
        bench.wait(2_000)
        bench.answer(step_ms)
    assert bench.time.offset_ms == pytest.approx(TRUE_MS + step_ms, abs=50)
    assert bench.time.doubted_step_ms is None


def test_a_day_ahead_for_eight_seconds_is_never_believed_and_for_a_quarter_of_an_hour_it_is() -> None:
    bench = Bench()
    for _ in range(LONG_CONFIRM_MS // 10_000):
        bench.wait(10_000)
        bench.answer(DAY_MS)
        assert bench.time.offset_ms == pytest.approx(TRUE_MS, abs=1_000)
    bench.wait(10_000)
    bench.answer(DAY_MS)
    assert bench.time.offset_ms == pytest.approx(TRUE_MS + DAY_MS, abs=1_000)


def test_a_large_step_that_the_machines_clock_shows_too_is_a_machine_that_slept() -> None:
    bench = Bench()
    bench.machine_offset_ms += DAY_MS
    for _ in range(12):
        bench.wait(2_000)
        bench.answer(DAY_MS)
    assert bench.time.offset_ms == pytest.approx(TRUE_MS + DAY_MS, abs=50)


def test_setting_the_machines_clock_moves_the_exchanges_time_by_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    wall_ms = [TRUE_MS]
    monkeypatch.setattr(bot.clock, "wall_ms", lambda: wall_ms[0])
    monkeypatch.setattr(bot.clock, "steady_ms", lambda: 5_000)
    clock = SystemClock()
    assert clock.at_least_ms() == -1
    clock.observe(TRUE_MS, until_ms=TRUE_MS, asked_ms=5_000)
    for step_ms in (3_000, DAY_MS, -600_000, -90_000):
        wall_ms[0] = TRUE_MS + step_ms
        assert clock.now_ms() == clock.at_least_ms() == TRUE_MS
        assert clock.machine_step_ms() == step_ms


def test_what_the_machine_guessed_before_the_first_measure_binds_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot.clock, "wall_ms", lambda: TRUE_MS + DAY_MS)
    monkeypatch.setattr(bot.clock, "steady_ms", lambda: 5_000)
    clock = SystemClock()
    assert clock.now_ms() == TRUE_MS + DAY_MS
    clock.observe(TRUE_MS + DAY_MS)  # a frame cannot tell how old it is
    assert clock.at_least_ms() == -1
    clock.observe(TRUE_MS, until_ms=TRUE_MS, asked_ms=5_000)
    assert clock.now_ms() == TRUE_MS


def test_a_date_header_is_read_with_its_age() -> None:
    assert date_ms({"Date": "Wed, 21 Oct 2026 07:28:00 GMT"}) == 1_792_567_680_000
    assert date_ms({"date": "Wed, 21 Oct 2026 07:28:00 GMT", "Age": "3"}) == 1_792_567_683_000
    assert date_ms({"Date": "yesterday"}) is None
    assert date_ms({}) is None


def test_the_grace_learns_from_late_closes_and_forgets_outages() -> None:
    grace = Grace(2.0, 10.0)
    for _ in range(100):
        grace.closed(2.049)
    assert 2.2 < grace.seconds < 3
    grace.closed(75.0)
    assert grace.seconds < 3
    for _ in range(400):
        grace.closed(0.05)
    assert grace.seconds == 2.0
