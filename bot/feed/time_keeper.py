"""Time keeper: asks for the exchange's own stamp twice a minute, more often while stamps contradict one another.

Where an exchange has no time of its own, the Date header of every answer serves instead, to the second. Says in words
what is wrong with the time, ours or theirs: a condition that begins and ends.
"""

from __future__ import annotations

import asyncio
from typing import Final

from bot.clock import SystemClock
from bot.feed.failures import NoSuchMarket
from bot.feed.rest import Rest
from bot.waiting import Outage, elapsed_s
from strategies.errors import ExchangeFailed

EVERY_S: Final = 30.0
DOUBTED_EVERY_S: Final = 2.0
FAILED_EVERY_S: Final = 10.0
FAILURES_BEFORE_DATES: Final = 3
STEP_BEGINS_MS: Final = 2_000  # by which the machine's clock may be off before people are told
STEP_ENDS_MS: Final = 1_000
PATIENCE_S: Final = 60.0  # without any time of the exchange


class TimeKeeper:
    """Measures one exchange's time for its clock."""

    def __init__(self, rest: Rest, clock: SystemClock) -> None:
        self._rest = rest
        self._clock = clock
        self._outage = Outage("time request", logger="feed", exchange=rest.exchange)
        self._again = asyncio.Event()
        self._failures = 0
        self._since_s = elapsed_s()
        self._is_off = False

    def hurry(self) -> None:
        """Measure now: a connection was lost or came back, and much may have happened."""
        self._again.set()

    async def run(self) -> None:
        """Measure until cancelled; nothing to do where the exchange has no time of its own."""
        while has_time(self._rest):
            wait_s = await self._measure()
            try:
                async with asyncio.timeout(wait_s):
                    await self._again.wait()
            except TimeoutError:
                pass
            self._again.clear()

    def conditions(self) -> dict[str, str]:
        """Return what is wrong with the time, by name."""
        found = {}
        ours_ms, theirs_ms = self._clock.machine_step_ms(), self._clock.exchange_step_ms()
        self._is_off = abs(ours_ms) > (STEP_ENDS_MS if self._is_off else STEP_BEGINS_MS)
        if self._is_off:
            found["machine clock"] = (
                f"this machine's clock is {_span(ours_ms)} the exchange's time; the exchange's time is used"
            )
        if theirs_ms is not None:
            found["exchange clock"] = (
                f"the exchange now states a time {_span(theirs_ms)} its own so far; "
                "it is followed if it stays so, and no candle is closed by it until then"
            )
        if self._clock.at_least_ms() < 0 and elapsed_s() - self._since_s > PATIENCE_S:
            found["exchange time"] = f"{self._rest.exchange} has stated no time; only newer candles close a candle"
        return found

    async def _measure(self) -> float:
        try:
            await measure(self._rest, self._clock)
        except (ExchangeFailed, NoSuchMarket) as error:
            self._outage.begin(error)
            self._failures += 1
            if self._failures == FAILURES_BEFORE_DATES:
                self._rest.client.on_stamp = self._clock.observe
            return FAILED_EVERY_S
        self._outage.end()
        self._failures, self._rest.client.on_stamp = 0, None
        return EVERY_S if self._clock.exchange_step_ms() is None else DOUBTED_EVERY_S


def has_time(rest: Rest) -> bool:
    """Tell whether the exchange answers with its time when it is asked."""
    return bool(rest.client.has.get("fetchTime"))


async def measure(rest: Rest, clock: SystemClock) -> None:
    """Ask the exchange for its time, or for anything with a Date header where it has none.

    Raises:
        ExchangeFailed: it does not answer, or with nothing that is a time.
    """
    if not has_time(rest):
        rest.client.on_stamp = clock.observe
        return
    stamp = await rest.ask("fetch_time")
    if not isinstance(stamp, int | float) or not 1e12 < stamp < 1e13:
        raise ExchangeFailed(f"{rest.exchange} states {stamp!r} as its time; UTC milliseconds are needed")
    clock.observe(int(stamp), until_ms=int(stamp), asked_ms=rest.client.asked_ms())


def _span(step_ms: int) -> str:
    seconds = abs(step_ms) / 1000
    for unit, size in (("days", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit} {'ahead of' if step_ms > 0 else 'behind'}"
    return f"{seconds:,.1f} s {'ahead of' if step_ms > 0 else 'behind'}"
