"""Settled funding rates of a range: each once, and no request for what is known to lie behind its end."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from bot.feed.pages import funding_rates
from strategies.market import HOUR_MS
from tests.bot.feed.stage import START_MS

PAGE = 1000


@dataclass
class Rates:
    """An exchange that settles every so many hours and answers a page at a time."""

    every_h: int
    count: int
    asked: list[int] = field(default_factory=list)

    async def funding(self, symbol: str, start_ms: int, *, attempts: int = 1) -> list[tuple[int, int]]:
        self.asked.append(start_ms)
        times = [START_MS + number * self.every_h * HOUR_MS for number in range(self.count)]
        return [(ms, ms // HOUR_MS % 997) for ms in times if ms >= start_ms][:PAGE]


@pytest.mark.parametrize(
    ("every_h", "hours", "requests"),
    [
        (8, 300 * 24, 1),  # the answer holds more than was asked for
        (1, 1000, 2),  # a full page, and one that shows that nothing follows before the end
        (1, 2500, 3),
    ],
)
async def test_a_range_of_rates_comes_once_with_no_needless_request(every_h: int, hours: int, requests: int) -> None:
    exchange = Rates(every_h=every_h, count=3000)
    times, rates = await funding_rates(exchange, "BTCUSDT", START_MS, START_MS + hours * HOUR_MS)  # type: ignore[arg-type]
    assert times.tolist() == list(range(START_MS, START_MS + hours * HOUR_MS, every_h * HOUR_MS))
    assert rates.tolist() == [ms // HOUR_MS % 997 for ms in times.tolist()]
    assert len(exchange.asked) == requests


async def test_an_end_that_no_rate_has_reached_yet_ends_the_range() -> None:
    exchange = Rates(every_h=8, count=5)
    times, _ = await funding_rates(exchange, "BTCUSDT", START_MS, START_MS + 900 * HOUR_MS)  # type: ignore[arg-type]
    assert len(times) == 5
    assert len(exchange.asked) == 2
