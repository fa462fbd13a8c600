"""Universe candidates: what an exchange says about all its markets now, traded value, spread, age.

Two requests for everything, and one of daily candles for each market that may come into question: the median of a month
is not to be had otherwise. Decides nothing; `strategies/universe` does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import Final

import numpy as np

from bot.feed.failures import NoSuchMarket
from bot.feed.source import FeedSource
from bot.feed.tickers import Listed
from strategies.errors import ExchangeFailed
from strategies.market import DAY_MS, OPEN_MS, CandleArray, Timeframe
from strategies.universe.selection import Candidate
from strategies.universe.settings import UniverseSettings
from strategies.universe.turnover import turnover_of

AT_ONCE: Final = 8  # requests
LATEST_MS: Final = 2 * DAY_MS  # before today: the newest daily candle of any market
LOOKED_AT: Final = 3.0  # x size: markets by their last day's value whose month is asked for


async def exchange_candidates(
    source: FeedSource, settings: UniverseSettings, now_ms: int, members: Collection[str] = ()
) -> list[Candidate]:
    """Return what is known of every market of the exchange.

    Args:
        source: of the exchange.
        settings: `size`, `volume_days`, the lists.
        now_ms: the exchange's time.
        members: looked at in any case.

    Raises:
        ExchangeFailed: it cannot be reached, or its daily candles end days before its time: one of the two is wrong.
    """
    listed = await source.listing()
    wanted = _worth_a_look(listed, settings, members)
    gate, newest_ms = asyncio.Semaphore(AT_ONCE), [0]

    async def described(part: Listed) -> Candidate:
        if part.symbol not in wanted:
            return _candidate(part, part.day_value, now_ms)
        async with gate:
            try:
                days = await _month_of(source, part, settings, now_ms)
            except NoSuchMarket:
                return _candidate(part, 0.0, now_ms)
            except ExchangeFailed:  # one answer that failed is no reason to drop a member
                return _candidate(part, part.day_value, now_ms, 0 if part.symbol in members else part.since_ms)
        newest_ms.extend(days[-1:, OPEN_MS].astype(int))
        return _described(part, days, settings, now_ms)

    found = list(await asyncio.gather(*(described(part) for part in listed)))
    if 0 < max(newest_ms) < Timeframe.D1.open_of(now_ms) - LATEST_MS:
        raise ExchangeFailed(
            f"the newest daily candle of {len(wanted)} markets opened at {max(newest_ms)}, the time is {now_ms}: "
            "nothing can be chosen by that"
        )
    return found


def _worth_a_look(listed: Sequence[Listed], settings: UniverseSettings, members: Collection[str]) -> set[str]:
    """Return the symbols whose month is asked for: the largest of the last day, members and those to keep."""
    able = [part for part in listed if part.is_trading and part.symbol.endswith(settings.quote)]
    largest = sorted(able, key=lambda part: (-part.day_value, part.symbol))
    count = round(LOOKED_AT * settings.size) + 20 if any(part.day_value for part in able) else len(able)
    return {part.symbol for part in largest[:count]} | set(members) | set(settings.keep)


async def _month_of(source: FeedSource, part: Listed, settings: UniverseSettings, now_ms: int) -> CandleArray:
    """Return a market's daily candles of the days that count, and of a year more where its listing is not told."""
    start_ms = Timeframe.D1.open_of(now_ms) - settings.volume_days * DAY_MS
    days = await source.history(part.symbol, Timeframe.D1, start_ms, now_ms)
    if part.since_ms is None and len(days) and days[0, OPEN_MS] <= start_ms:
        older = await source.history(part.symbol, Timeframe.D1, start_ms - 370 * DAY_MS, start_ms)
        days = np.concatenate([older, days])
    return days


def _described(part: Listed, days: CandleArray, settings: UniverseSettings, now_ms: int) -> Candidate:
    if not len(days):
        return _candidate(part, 0.0, now_ms)
    traded = turnover_of(part.symbol, days, DAY_MS)
    since_ms = part.since_ms if part.since_ms is not None else traded.first_ms
    return _candidate(part, traded.median(now_ms, settings.volume_days), now_ms, since_ms)


def _candidate(part: Listed, value: float, now_ms: int, since_ms: int | None = None) -> Candidate:
    began_ms = part.since_ms if since_ms is None else since_ms
    return Candidate(
        symbol=part.symbol,
        quote_volume=value,
        age_d=0.0 if began_ms is None else (now_ms - began_ms) / DAY_MS,
        spread=part.spread,
        is_trading=part.is_trading,
        stated=part.stated,
    )
