"""Many markets' history at once: each market page by page, several markets beside one another, one progress over all.

How fast is the exchange's affair: the gauge of its request weights holds requests back. A market that fails is named
and the others go on; what came before is stored, so that the same command goes on where it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bot.feed.download import Downloaded, HistorySource, Wanted, download
from storage.candles.store import CandleStore
from strategies.errors import SigmaError

AT_ONCE: Final = 8  # markets


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A market that could not be brought, and why."""

    symbol: str
    why: str


ShareDone = Callable[[float], None]  # share of all that is done, 0..1


async def download_all(
    source: HistorySource,
    store: CandleStore,
    wanted: Sequence[Wanted],
    *,
    spot: HistorySource | None = None,
    on_progress: ShareDone = lambda done: None,
    on_done: Callable[[Downloaded | Failed], None] = lambda result: None,
) -> tuple[list[Downloaded], list[Failed]]:
    """Bring what the store lacks of many markets.

    Args:
        source: their exchange.
        store: where to.
        wanted: one a market.
        spot: as for `download`.
        on_progress: told the share done, markets weighing alike.
        on_done: told of every market that is finished.
    """
    gate, shares = asyncio.Semaphore(AT_ONCE), dict.fromkeys((part.symbol for part in wanted), 0.0)

    async def bring(part: Wanted) -> Downloaded | Failed:
        def told(done: int, total: int) -> None:
            shares[part.symbol] = done / total if total else 1.0
            on_progress(sum(shares.values()) / len(shares))

        async with gate:
            try:
                result: Downloaded | Failed = await download(source, store, part, spot=spot, on_progress=told)
            except SigmaError as error:
                result = Failed(symbol=part.symbol, why=str(error))
        told(1, 1)
        on_done(result)
        return result

    results = await asyncio.gather(*(bring(part) for part in wanted))
    brought = [result for result in results if isinstance(result, Downloaded)]
    return brought, [result for result in results if isinstance(result, Failed)]
