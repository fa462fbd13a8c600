"""Twelve faults of an exchange, alone and together, for an hour of market: what is stored is what the exchange traded.

The real ccxt.pro client against the built-in exchange; every minute goes through the engine into a ledger, and the
candles are read back from its tape.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.soak.rows import Row, Soaking
from bot.feed.source import FeedSource
from storage.ledger import accounts
from storage.ledger.database import connect, migrate, reading
from storage.ledger.journal import Journal
from storage.ledger.tape import decode, rows
from storage.ledger.verify import verify
from strategies.bundle.bundle import trend_bundle
from strategies.engine import Engine, begin
from strategies.kernel.settings import TradingSettings
from strategies.market import HOUR_MS, MINUTE_MS, Market, Timeframe
from strategies.minute import AccountMinute
from tests.bot.feed.stage import START_MS, Stage, read, settled_bars, stage

MISSED: Final = 60  # minutes that lie behind when the feed starts: an hour, for accounts begin on one
HOUR: Final = 60
WARM_UP_H: Final = 2_700
FAULTS: Final = {
    "drop": "drop:p=0.2",
    "stall": "stall:minutes=25",
    "close": "close:p=0.05,count=3",
    "delay": "delay:p=0.2,ms=180000",
    "duplicate": "duplicate:p=0.3",
    "reorder": "reorder:p=0.2",
    "gap": "gap:p=0.1",
    "garbage": "garbage:p=0.2,form=nan",
    "foreign": "garbage:p=0.2,form=symbol",
    "418": "418:count=1,retry_after=1",
    "429": "429:count=2,retry_after=1",
    "503": "503:p=0.3",
}
NEEDS_REST: Final = ("418", "429", "503")  # these are met only where something has to be asked for
HTML: Final = "garbage:where=rest,form=html,p=0.1"


def run(soaking: Soaking) -> Iterator[Row]:
    """Yield a row for each fault, and one for all of them together; two where there is time."""
    cases = {name: [fault, *(("drop:p=0.1",) if name in NEEDS_REST else ())] for name, fault in FAULTS.items()}
    together = [fault for name, fault in FAULTS.items() if name != "418"]
    cases["all of them together"] = [*together, HTML]
    for number, (name, faults) in enumerate(cases.items()):
        if soaking.left_s <= 0:
            return
        started = time.monotonic()
        folder = soaking.folder / str(number)
        folder.mkdir()
        candles, differing, note = asyncio.run(_hour(folder, faults, soaking.seed + number))
        yield Row(
            part="feed",
            what=f"{name}, an hour of market",
            tried=candles,
            lost=differing,
            seconds=time.monotonic() - started,
            note=note,
        )


async def _hour(folder: Path, faults: list[str], seed: int) -> tuple[int, int, str]:
    """Return how many candles there were, how many differ or are missing on the tape, and what the feed counted."""
    after_ms = START_MS - (MISSED + 1) * MINUTE_MS
    async with stage(seed=seed) as here, here.source() as source:
        markets = await source.markets(tuple(here.market.instruments))
        account, engine = await _opened(folder, source, markets, after_ms + MINUTE_MS)
        here.set_faults(*faults)
        minutes = await read(source, after_ms, MISSED + HOUR)
        counted = {name: number for name, number in source.counters.items() if number and "refused" not in name}
    differing = _differing(folder, account, engine, here, minutes)
    said = ", ".join(f"{name} {number}" for name, number in sorted(counted.items()) if name != "rest_pages")
    return len(minutes) * len(markets), differing, said


async def _opened(folder: Path, source: FeedSource, markets: list[Market], start_ms: int) -> tuple[int, Engine]:
    history = [
        await source.history(market.symbol, Timeframe.H1, start_ms - WARM_UP_H * HOUR_MS, start_ms // HOUR_MS * HOUR_MS)
        for market in markets
    ]
    engine = begin(
        markets=tuple(markets), settings=TradingSettings(), bundle=trend_bundle(), candles=history, start_ms=start_ms
    )
    database = connect(f"sqlite:///{folder / 'ledger.db'}")
    migrate(database)
    account = accounts.open_account(
        database,
        accounts.Beginning(
            exchange="builtin",
            name="main",
            markets=engine.markets,
            settings=engine.settings,
            candles=engine.copy_candles(),
            state=engine.state,
            start_ms=start_ms,
            bundle_id=engine.bundle.id,
        ),
        created_ms=0,
    )
    database.dispose()
    return account.id, engine


def _differing(folder: Path, account_id: int, engine: Engine, here: Stage, minutes: list[AccountMinute]) -> int:
    """Journal the minutes, read the tape back and count what is not what the exchange traded."""
    database = connect(f"sqlite:///{folder / 'ledger.db'}")
    account = accounts.find(database, "builtin", "main")
    assert account is not None
    assert account.id == account_id
    journal = Journal(database, account, engine.markets, engine.settings)
    for minute in minutes:
        outcome = engine.step(minute)
        journal.record(minute, outcome, engine.state, engine.bundle.id, signals={}, alerts=(), recorded_ms=0)
    replayed = verify(database, account, lambda _id: trend_bundle())
    with reading(database) as connection:
        stored = [decode(row) for row in rows(connection, account.id)]
    database.dispose()
    if [minute.open_ms for minute in stored] != [minute.open_ms for minute in minutes]:
        return len(minutes) * len(engine.markets)
    truth = here.true_bars(engine.markets, minutes[0].open_ms, len(minutes))
    return int((settled_bars(stored) != truth).any(axis=2).sum()) + len(replayed.differences)
