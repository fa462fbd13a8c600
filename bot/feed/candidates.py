"""Universe candidates: what an exchange says about all its markets now, traded value, spread, age.

Two requests for everything, and one of daily candles for each market that may come into question: the median of a month
is not to be had otherwise. Decides nothing; `strategies/universe` does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import Final

from bot.feed.failures import NoSuchMarket
from bot.feed.source import FeedSource
from bot.feed.tickers import Listed
from strategies.errors import ExchangeFailed
from strategies.market import DAY_MS, Timeframe
from strategies.universe.selection import Candidate
from strategies.universe.settings import UniverseSettings
from strategies.universe.turnover import turnover_of

AT_ONCE: Final = 8  # requests
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
        ExchangeFailed: it cannot be reached.
    """
    listed = await source.listing()
    wanted = _worth_a_look(listed, settings, members)
    gate = asyncio.Semaphore(AT_ONCE)

    async def described(part: Listed) -> Candidate:
        if part.symbol not in wanted:
            return _candidate(part, part.day_value, now_ms)
        async with gate:
            return await _over_a_month(source, part, settings, now_ms)

    return list(await asyncio.gather(*(described(part) for part in listed)))


def _worth_a_look(listed: Sequence[Listed], settings: UniverseSettings, members: Collection[str]) -> set[str]:
    """Return the symbols whose month is asked for: the largest of the last day, members and those to keep."""
    able = [part for part in listed if part.is_trading and part.symbol.endswith(settings.quote)]
    largest = sorted(able, key=lambda part: (-part.day_value, part.symbol))
    count = round(LOOKED_AT * settings.size) + 20 if any(part.day_value for part in able) else len(able)
    return {part.symbol for part in largest[:count]} | set(members) | set(settings.keep)


async def _over_a_month(source: FeedSource, part: Listed, settings: UniverseSettings, now_ms: int) -> Candidate:
    start_ms = Timeframe.D1.open_of(now_ms) - settings.volume_days * DAY_MS
    try:
        days = await source.history(part.symbol, Timeframe.D1, start_ms, now_ms)
    except (ExchangeFailed, NoSuchMarket):
        return _candidate(part, 0.0, now_ms)
    if not len(days):
        return _candidate(part, 0.0, now_ms)
    traded = turnover_of(part.symbol, days, DAY_MS)
    since_ms = part.since_ms if part.since_ms is not None else traded.first_ms
    if part.since_ms is None and traded.first_ms <= start_ms:
        oldest = await source.history(part.symbol, Timeframe.D1, start_ms - 370 * DAY_MS, start_ms)
        since_ms = int(oldest[0, 0]) if len(oldest) else since_ms
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
