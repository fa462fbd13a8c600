"""A market that is faster than the machine waits for it, and says so; one that is kept up with is left alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bot.clock import ScaledClock
from bot.operations.keep_pace import MEASURED_S, PaceKeeper
from strategies.market import MINUTE_MS

SPEED = 60_000.0  # a market minute a millisecond


async def run_beside(keeper: PaceKeeper, until: Callable[[], bool]) -> None:
    task = asyncio.create_task(keeper.run())
    try:
        async with asyncio.timeout(20):
            while not until():  # noqa: ASYNC110 — nobody announces a clock that stands still
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_a_market_that_outruns_the_machine_is_held_until_it_is_processed() -> None:
    clock, done = ScaledClock(0, SPEED), [0]
    keeper = PaceKeeper(clock, lambda: done[0])
    async with asyncio.timeout(20):
        while keeper.behind_ms() <= keeper.most_behind_ms:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    held: list[int] = []

    def is_held() -> bool:
        held.append(clock.now_ms())
        return len(held) > 5 and held[-1] == held[-5]

    await run_beside(keeper, is_held)
    assert clock.now_ms() >= held[-1]
    done[0] = clock.now_ms()
    await asyncio.sleep(0.01)
    assert clock.now_ms() > held[-1]  # it runs on once it is let go


def test_it_is_said_when_the_market_is_slowed_and_when_it_is_not_any_more() -> None:
    clock, done = ScaledClock(0, 600.0, held=True), [0]
    keeper = PaceKeeper(clock, lambda: done[0])
    clock._anchor_ms = 100 * MINUTE_MS
    keeper.look(0.0)
    done[0] = 20 * MINUTE_MS
    keeper.look(MEASURED_S)
    assert keeper.slowed_to == 20 * 60 / MEASURED_S
    done[0] = 99 * MINUTE_MS
    keeper.look(MEASURED_S + 0.1)
    assert keeper.slowed_to is None
