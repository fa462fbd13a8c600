"""The clocks: monotonic, and their sleepers wake when the market says so."""

from __future__ import annotations

import asyncio

import pytest

from bot.clock import Clock, FollowingClock, ManualClock, PacedClock, ScaledClock, SystemClock, wall_ms


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_manual_sleepers_wake_in_the_order_of_their_times() -> None:
    clock, woken = ManualClock(1_000), list[str]()

    async def sleeper(name: str, ms: int) -> None:
        await clock.sleep_until(ms)
        woken.append(name)

    async with asyncio.TaskGroup() as group:
        group.create_task(sleeper("late", 3_000))
        group.create_task(sleeper("early", 2_000))
        await _settle()
        clock.set(1_999)
        await _settle()
        assert woken == []
        clock.advance(1)
        await _settle()
        assert woken == ["early"]
        clock.set(10_000)
    assert woken == ["early", "late"]


async def test_manual_sleep_counts_from_now_and_returns_at_once_for_the_past() -> None:
    clock = ManualClock(5_000)
    await clock.sleep_until(5_000)
    sleeping = asyncio.create_task(clock.sleep(1.5))
    await _settle()
    clock.set(6_499)
    await _settle()
    assert not sleeping.done()
    clock.set(6_500)
    await sleeping


def test_manual_clock_refuses_to_go_back() -> None:
    clock = ManualClock(5_000)
    with pytest.raises(ValueError, match="cannot go back to 4999"):
        clock.set(4_999)


async def test_cancelled_sleeper_disturbs_nobody() -> None:
    clock = ManualClock(0)
    cancelled, patient = (asyncio.create_task(clock.sleep_until(10)) for _ in range(2))
    await _settle()
    cancelled.cancel()
    await _settle()
    clock.set(10)
    await patient
    assert cancelled.cancelled()
    assert (patient.done(), clock.now_ms()) == (True, 10)


async def test_paced_clock_stands_where_it_was_told_and_ignores_older_news() -> None:
    clock = PacedClock(100)
    sleeping = asyncio.create_task(clock.sleep_until(200))
    await _settle()
    clock.advance(150)
    clock.advance(120)
    assert clock.now_ms() == 150
    assert not sleeping.done()
    clock.advance(250)
    await sleeping
    assert clock.now_ms() == 250


async def test_scaled_clock_runs_speed_times_faster_than_the_loop() -> None:
    clock, loop = ScaledClock(1_000_000, 10_000.0), asyncio.get_running_loop()
    began = loop.time()
    await clock.sleep(200)
    took = loop.time() - began
    assert clock.now_ms() >= 1_200_000
    assert 0.019 <= took < 1.0  # 200 market seconds are 20 ms


async def test_held_clock_stands_still_until_released() -> None:
    clock = ScaledClock(0, 1_000_000.0)
    clock.hold()
    stood = clock.now_ms()
    await asyncio.sleep(0.002)
    assert clock.now_ms() == stood
    clock.release()
    await clock.sleep(10)
    assert clock.now_ms() >= stood + 10_000


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan")])
def test_speed_must_be_above_zero(speed: float) -> None:
    with pytest.raises(ValueError, match="must be > 0"):
        ScaledClock(0, speed)


def test_system_clock_is_the_machines_time_plus_the_offset_and_never_goes_back() -> None:
    clock = SystemClock(offset_ms=86_400_000)
    before = clock.now_ms()
    assert abs(before - wall_ms() - 86_400_000) < 5_000
    clock.offset_ms = 0
    assert clock.now_ms() >= before


def test_every_clock_is_a_clock() -> None:
    clocks: list[Clock] = [SystemClock(), ScaledClock(0, 2.0), PacedClock(), ManualClock()]
    assert [clock.speed for clock in clocks] == [1.0, 2.0, 1.0, 1.0]


def test_a_following_clock_stands_until_it_is_told_and_while_its_owner_stands() -> None:
    clock = FollowingClock(1_000, 1e6)
    assert [clock.now_ms() for _ in range(3)] == [1_000] * 3  # its owner may be held while nobody listens
    clock.follow(50_000)
    ahead_ms = clock.now_ms()
    assert ahead_ms >= 50_000
    assert clock.at_least_ms() == 50_000
    clock.follow(50_000)  # the owner stands
    stood_ms = clock.now_ms()
    assert stood_ms >= ahead_ms
    assert [clock.now_ms() for _ in range(3)] == [stood_ms] * 3
    clock.follow(2 * stood_ms)
    assert clock.now_ms() >= 2 * stood_ms
    clock.follow(stood_ms)  # never back
    assert clock.now_ms() >= 2 * stood_ms
