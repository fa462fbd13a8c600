"""What is known of an exchange's markets when some of its answers fail, or when its time and its candles disagree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from bot.feed.candidates import exchange_candidates
from bot.feed.failures import NoSuchMarket
from bot.feed.tickers import Listed
from strategies.errors import ExchangeFailed
from strategies.market import DAY_MS, CandleArray, Timeframe
from strategies.universe.selection import select
from strategies.universe.settings import UniverseSettings
from tests.builders import START_MS

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
RULES = UniverseSettings(mode="top", size=2, min_age_d=100, min_quote_volume=1e6)


@dataclass
class Daily:
    """An exchange with a year of days of each market, but for those whose candles cannot be had."""

    broken: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    async def listing(self) -> list[Listed]:
        values = dict(zip(SYMBOLS, (9e9, 5e9, 1e9), strict=True))
        return [
            Listed(symbol=symbol, day_value=value, spread=None, is_trading=True, since_ms=None, stated="")
            for symbol, value in values.items()
        ]

    async def history(self, symbol: str, timeframe: Timeframe, start_ms: int, end_ms: int) -> CandleArray:
        if symbol in self.unknown:
            raise NoSuchMarket(f"{symbol} is not listed")
        if symbol in self.broken:
            raise ExchangeFailed("503 for this one")
        opens = np.arange(START_MS - 400 * DAY_MS, START_MS, DAY_MS, dtype=np.float64)
        days = np.column_stack([opens, *[np.full(len(opens), 100.0)] * 4, np.full(len(opens), 1e7)])
        return days[(opens >= start_ms) & (opens < end_ms)]


async def chosen(source: Daily, now_ms: int, members: tuple[str, ...]) -> tuple[str, ...]:
    candidates = await exchange_candidates(source, RULES, now_ms, members)  # type: ignore[arg-type]
    return select(candidates, RULES, members).members


async def test_one_answer_that_fails_drops_no_member_and_brings_nobody_in() -> None:
    assert await chosen(Daily(broken=("ETHUSDT",)), START_MS, ("BTCUSDT", "ETHUSDT")) == ("ETHUSDT", "BTCUSDT")
    assert await chosen(Daily(broken=("ETHUSDT",)), START_MS, ()) == ("BTCUSDT", "SOLUSDT")
    assert await chosen(Daily(unknown=("ETHUSDT",)), START_MS, ("BTCUSDT", "ETHUSDT")) == ("BTCUSDT", "SOLUSDT")


@pytest.mark.parametrize("days", [60, 20_000])
async def test_a_time_at_which_no_market_has_a_candle_chooses_nobody(days: int) -> None:
    assert await chosen(Daily(), START_MS + days * DAY_MS, SYMBOLS[:2]) == ()  # which a refresh takes for no answer


@pytest.mark.parametrize("days", [4, 15])
async def test_nothing_is_chosen_by_a_time_that_has_run_ahead_of_the_candles(days: int) -> None:
    with pytest.raises(ExchangeFailed, match="nothing can be chosen by that"):
        await chosen(Daily(), START_MS + days * DAY_MS, SYMBOLS[:2])


async def test_a_day_that_has_not_closed_yet_is_no_reason_to_wait() -> None:
    for hours in (0, 1, 47):
        assert await chosen(Daily(), START_MS + hours * DAY_MS // 24, SYMBOLS[:2]) == ("BTCUSDT", "ETHUSDT")
