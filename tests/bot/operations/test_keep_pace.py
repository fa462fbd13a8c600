"""How fast a demo market really runs is measured and said."""

from __future__ import annotations

from bot.clock import ScaledClock
from bot.operations.keep_pace import MEASURED_S, PaceKeeper
from strategies.market import MINUTE_MS


def test_it_is_said_when_the_market_is_slowed_and_when_it_is_not_any_more() -> None:
    clock, done = ScaledClock(0, 600.0, held=True), [0]
    keeper = PaceKeeper(clock, lambda: done[0])
    keeper.look(0.0)
    done[0] = 10 * MINUTE_MS
    keeper.look(MEASURED_S / 2)
    done[0] = 20 * MINUTE_MS
    keeper.look(MEASURED_S)
    assert keeper.slowed_to == 20 * 60 / MEASURED_S
    done[0] = 99 * MINUTE_MS
    keeper.look(1.4 * MEASURED_S)
    assert keeper.slowed_to is None
