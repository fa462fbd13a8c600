"""A running trader with everything real but the exchange: minutes are handed in by the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Engine as Database

from bot.clock import ManualClock
from bot.exchange_info import ExchangeInfo
from bot.feed.listing import Listing
from bot.operations.metrics import Metrics
from bot.trading.control import Control
from bot.trading.facts import Records
from bot.trading.snapshot import Snapshot
from bot.trading.trader import Trader
from bot.values.shadow_results import ShadowTests
from bot.values.training import LearningCurves, LearningPoint, TrainingProgress
from storage.ledger.queries import Ledger
from storage.ledger.shadows import Shadows
from storage.models.registry import Registry
from strategies.kernel.settings import TradingSettings
from strategies.market import MINUTE_MS, Market, Timeframe
from strategies.minute import AccountMinute, Command
from tests.bot.trading.world import MARKETS, SETTINGS, new_database, new_engine, opened, opened_database
from tests.builders import START_MS, market


@dataclass
class HandedMinutes:
    """A feed that yields what the test hands in, and the health a real one reports."""

    queue: asyncio.Queue[AccountMinute] = field(default_factory=asyncio.Queue)
    ready: dict[str, bool] = field(default_factory=lambda: {market.symbol: True for market in MARKETS})
    last_frame_ms: int = START_MS
    conditions: dict[str, str] = field(default_factory=dict)
    processed_ms: int = -1
    changes: list[Command] = field(default_factory=list)

    async def minutes(self, after_ms: int, settled_ms: Sequence[int] | None = None) -> AsyncIterator[AccountMinute]:
        while True:
            minute = await self.queue.get()
            if minute.open_ms > after_ms:
                yield self._with_leaves(minute)

    async def processed(self, minute_ms: int) -> None:
        self.processed_ms = minute_ms

    def change(self, command: Command, timeframe: Timeframe) -> None:
        self.changes.append(command)

    def members(self, markets: Sequence[Market]) -> None:
        self.ready = {market.symbol: True for market in markets if market.is_member}

    def _with_leaves(self, minute: AccountMinute) -> AccountMinute:
        """Return a minute with the leaves that were asked for; nobody joins here."""
        leaves = tuple(command for command in self.changes if command.kind == "leave")
        self.changes = [command for command in self.changes if command.kind != "leave"]
        return replace(minute, commands=(*leaves, *minute.commands)) if leaves else minute

    def awaits(self, symbol: str) -> bool:
        return any(command.spec is not None and command.spec.symbol == symbol for command in self.changes)

    def give_up(self, symbol: str) -> bool:
        before = len(self.changes)
        self.changes = [
            part for part in self.changes if part.kind != "join" or part.spec is None or part.spec.symbol != symbol
        ]
        return len(self.changes) < before

    async def describe(self, symbols: Sequence[str]) -> dict[str, Listing]:
        return {symbol: Listing(market=market(symbol)) for symbol in symbols if symbol.endswith("USDT")}


class IdleTraining:
    """A trainer that was never asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.points: list[LearningPoint] = []

    def curves(self) -> LearningCurves:
        """What it was told to have learnt."""
        return LearningCurves(points=self.points)

    def learn(self, curve: str, at: int, of: int, values: dict[str, float]) -> None:
        """Have learnt so much."""
        self.points.append(LearningPoint(curve=curve, at=at, of=of, values=values))

    def progress(self) -> TrainingProgress:
        return TrainingProgress()

    async def start(self, why: str) -> None:
        self.asked.append(why)

    async def cancel(self, by: str) -> None:
        self.asked.append(f"cancelled by {by}")


@dataclass
class DaemonWorld:
    """The parts a test may touch."""

    control: Control
    trader: Trader
    clock: ManualClock
    feed: HandedMinutes
    metrics: Metrics
    training: IdleTraining
    snapshots: list[Snapshot]
    listeners: list[Callable[[Snapshot], None]]

    async def hand(self, *taken: AccountMinute) -> None:
        """Hand in minutes and wait until the last one is in the ledger."""
        for minute in taken:
            self.clock.set(max(self.clock.now_ms(), minute.open_ms + MINUTE_MS))
            await self.feed.queue.put(minute)
        async with asyncio.timeout(60):
            while self.feed.processed_ms < taken[-1].open_ms:  # noqa: ASYNC110 — the feed under test owns the event
                await asyncio.sleep(0.005)

    async def queued(self, asking: asyncio.Task[Any]) -> None:
        """Wait until what somebody asks for waits for the next minute, or is answered without one."""
        async with asyncio.timeout(60):
            while not asking.done() and not self.trader._commands:  # noqa: ASYNC110 — nobody is told of either
                await asyncio.sleep(0.002)


@asynccontextmanager
async def daemon_world(
    folder: Path,
    *,
    max_decision_age_ms: int = 0,
    database: Database | None = None,
    settings: TradingSettings = SETTINGS,
) -> AsyncIterator[DaemonWorld]:
    """Run a trader on the small world until the block ends; its ledger is a SQLite file of the folder's, or another."""
    engine = new_engine(settings=settings)
    if database is None and settings is SETTINGS:
        database, account, journal = opened_database(folder)
    else:
        database = database or new_database(folder)
        account, journal = opened(database, engine)
    clock, feed, metrics, training = ManualClock(START_MS), HandedMinutes(), Metrics(), IdleTraining()
    snapshots: list[Snapshot] = []
    listeners: list[Callable[[Snapshot], None]] = [snapshots.append, partial(metrics.of_account.on_snapshot, "main")]

    def publish(snapshot: Snapshot) -> None:
        for listen in listeners:
            listen(snapshot)

    trader = Trader(
        minutes=feed,
        clock=clock,
        engine=engine,
        journal=journal,
        max_decision_age_ms=max_decision_age_ms,
        publish=publish,
    )
    control = Control(
        trader=trader,
        clock=clock,
        records=Records(
            ledger=Ledger(database, account),
            registry=Registry(folder / "models"),
            shadow_tests=ShadowTests(Shadows(database, account.id), 20.0, account.timeframe),
        ),
        feed=feed,
        exchange_info=ExchangeInfo(
            exchange="builtin", market_name="demo market: small world", is_demo=True, account="main", speed=1.0
        ),
        training=training,
        stale_after_ms=60_000,
        shut_down=lambda: None,
    )
    task = asyncio.create_task(trader.run(), name="trader")
    world = DaemonWorld(
        control=control,
        trader=trader,
        clock=clock,
        feed=feed,
        metrics=metrics,
        training=training,
        snapshots=snapshots,
        listeners=listeners,
    )
    try:
        yield world
    finally:
        task.cancel()
        await asyncio.wait([task])
        database.dispose()
