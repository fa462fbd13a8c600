"""The universe out of stored candles: traded values of everything stored, and who was a member when.

Delisted markets are among them as long as their candles are kept, so nothing here knows only survivors.
"""

from __future__ import annotations

from collections.abc import Iterable

from storage.candles.rows import Source
from storage.candles.store import CandleStore
from storage.cron import cron_times
from strategies.market import Timeframe
from strategies.universe.members import Members, members_over
from strategies.universe.settings import UniverseSettings
from strategies.universe.turnover import Turnover, turnover_of

COARSE_FIRST = tuple(sorted(Timeframe, key=lambda part: -part.ms))


def stored_symbols(store: CandleStore, exchange: str, kind: str) -> dict[str, Timeframe]:
    """Return every symbol with candles of a kind, in name order, and its coarsest stored timeframe."""
    found: dict[str, Timeframe] = {}
    for stored in store.markets(exchange):
        if stored.kind == kind and (stored.symbol not in found or stored.timeframe.ms > found[stored.symbol].ms):
            found[stored.symbol] = stored.timeframe
    return found


def read_turnovers(
    store: CandleStore, exchange: str, kind: str, symbols: Iterable[str] | None = None
) -> list[Turnover]:
    """Return the traded values of the stored markets, from the longest series of each, the coarsest of equals.

    Args:
        store: where candles are.
        exchange: whose.
        kind: "futures" or "spot".
        symbols: of these alone; None: of all that are stored.

    Raises:
        StorageFailed: a file is damaged.
    """
    wanted = None if symbols is None else set(symbols)
    turnovers = []
    for symbol in stored_symbols(store, exchange, kind):
        if wanted is not None and symbol not in wanted:
            continue
        timeframe = _longest(store, exchange, symbol, kind)
        stored = store.read(exchange, symbol, timeframe, kind)
        own = stored.candles[stored.source != Source.STITCHED_SPOT]
        if len(own):
            turnovers.append(turnover_of(symbol, own, timeframe.ms))
    return turnovers


def stored_members(
    store: CandleStore, exchange: str, kind: str, settings: UniverseSettings, start_ms: int, end_ms: int
) -> Members:
    """Return the universe over [start, end): selected at its start and at every `refresh_cron`, as known then.

    Raises:
        BadInput: the cron line cannot be read.
        StorageFailed: a file is damaged.
    """
    times = [start_ms, *cron_times(settings.refresh_cron, start_ms, end_ms)]
    return members_over(read_turnovers(store, exchange, kind), settings, times)


def _longest(store: CandleStore, exchange: str, symbol: str, kind: str) -> Timeframe:
    """Return the timeframe whose candles span the longest time; what a day was worth hardly depends on it."""
    spans = {part: store.coverage(exchange, symbol, part, kind) for part in COARSE_FIRST}
    return max(COARSE_FIRST, key=lambda part: (int(spans[part].last_ms or 0) - int(spans[part].first_ms or 0), part.ms))
