"""What the API's readers cost the trader: candle to decision with 50 clients polling and listening, against none.

The real trader, journal, database and web server; account minutes are handed in at a steady pace and each one closes
a decision candle. Blocks with and without clients alternate, so that both see the same machine. The clients live in a
process of their own. The bundle is the trend rule: it decides in a few milliseconds, so whatever the API costs shows.

    python -m benchmarks.api_load --json
"""

from __future__ import annotations

import asyncio
import multiprocessing
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks import api_clients
from benchmarks.api_clients import Load
from benchmarks.figures import Figure, parser, show
from benchmarks.minutes import Minutes, load
from bot.clock import ManualClock
from bot.exchange_info import ExchangeInfo
from bot.feed.listing import Listing
from bot.operations.metrics import Metrics
from bot.trading.control import Control
from bot.trading.facts import Records
from bot.trading.snapshot import Snapshot
from bot.trading.trader import Trader
from bot.values.training import LearningCurves, TrainingProgress
from bot.web.account_pages import AccountPages
from bot.web.server import WebServer
from storage.config.services import WebSettings
from storage.ledger.accounts import Beginning, open_account
from storage.ledger.database import connect, migrate
from storage.ledger.journal import Journal
from storage.ledger.queries import Ledger
from storage.models.registry import Registry
from strategies.bundle.bundle import trend_bundle
from strategies.engine import begin
from strategies.kernel.settings import DecisionSettings, TradingSettings
from strategies.kernel.state import NO_RATE
from strategies.market import MINUTE_MS, Market, Timeframe
from strategies.minute import AccountMinute, Command
from strategies.warm import warm

HISTORY: Final = 3_100  # closed candles before the first minute: warm-up and one block
SKIPPED: Final = 5  # minutes of each block that are not measured: clients come and go


@dataclass
class PacedFeed:
    """Hands out a minute every `pace_s` and notes when; `Control` reads its health."""

    minutes_: Sequence[AccountMinute]
    pace_s: float
    clock: ManualClock
    ready: dict[str, bool]
    last_frame_ms: int = 0
    conditions: dict[str, str] = field(default_factory=dict)
    handed_s: dict[int, float] = field(default_factory=dict)
    took_s: dict[int, float] = field(default_factory=dict)

    async def minutes(self, after_ms: int, settled_ms: Sequence[int] | None = None) -> AsyncIterator[AccountMinute]:
        for minute in self.minutes_:
            await asyncio.sleep(self.pace_s)
            self.clock.set(minute.open_ms + MINUTE_MS)
            self.handed_s[minute.open_ms] = time.perf_counter()
            yield minute

    async def processed(self, minute_ms: int) -> None:
        """Every minute is handed out by the pace alone."""

    def change(self, command: Command, timeframe: Timeframe) -> None:
        """Nothing changes here."""

    def awaits(self, symbol: str) -> bool:
        return False

    def give_up(self, symbol: str) -> bool:
        return False

    def members(self, markets: Sequence[Market]) -> None:
        """Nothing changes here."""

    async def describe(self, symbols: Sequence[str]) -> dict[str, Listing]:
        """Return nothing: no market joins here."""
        return {}

    def on_snapshot(self, snapshot: Snapshot) -> None:
        """Note when a minute was in the ledger and published."""
        self.took_s[snapshot.minute_ms] = time.perf_counter() - self.handed_s[snapshot.minute_ms]


class NoTraining:
    """A trainer that is never asked."""

    def curves(self) -> LearningCurves:
        """No curve."""
        return LearningCurves(points=[])

    def progress(self) -> TrainingProgress:
        return TrainingProgress()

    async def start(self, why: str) -> None:
        """Nobody asks."""

    async def cancel(self, by: str) -> None:
        """Nothing runs."""


def main() -> None:
    """Measure and print."""
    arguments = parser("api_load", __doc__.splitlines()[0])
    arguments.add_argument("--clients", type=int, default=50)
    arguments.add_argument("--poll-s", type=float, default=1.0, help="seconds between a client's questions")
    arguments.add_argument("--pace-s", type=float, default=0.2, help="seconds between account minutes")
    arguments.add_argument("--blocks", type=int, default=8, help="with and without clients in turn")
    arguments.add_argument("--block", type=int, default=60, help="account minutes in a block")
    options = arguments.parse_args()
    warm()
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(measure(Path(folder), options))
    show("api_load", figures, as_json=options.json)


async def measure(folder: Path, options: Any) -> list[Figure]:
    """Trade blocks with and without clients and return the figures."""
    count = options.blocks * options.block
    source = load(folder, synthetic_minutes=HISTORY + count)
    feed, trader, web = _daemon(folder, source, count, options.pace_s)
    address = await web.start()
    context = multiprocessing.get_context("spawn")
    active, leaving, told = context.Event(), context.Event(), context.Queue()
    process = context.Process(
        target=api_clients.run, args=(address, options.clients, options.poll_s, active, leaving, told)
    )
    process.start()
    first_ms = int(source.open_ms[HISTORY])
    try:
        async with asyncio.timeout(count * options.pace_s * 10 + 60):
            trading = asyncio.create_task(trader.run(), name="trader")
            while not trading.done():
                done = (trader.last_minute_ms - first_ms) // MINUTE_MS + 1
                (active.set if done // options.block % 2 else active.clear)()
                await asyncio.sleep(0.01)
            await trading
        active.clear()
        leaving.set()
        got: Load = await asyncio.to_thread(told.get, True, 30)
    finally:
        leaving.set()
        await asyncio.to_thread(process.join, 10)
        await web.stop()
    return _figures(np.array(list(feed.took_s.values())) * 1000, got, options)


def _figures(took_ms: np.ndarray, got: Load, options: Any) -> list[Figure]:
    """Return the figures of the decisions in the order they were taken."""
    number = np.arange(len(took_ms))
    measured = number % options.block >= SKIPPED
    loaded = number // options.block % 2 == 1
    idle_ms, loaded_ms = took_ms[measured & ~loaded], took_ms[measured & loaded]
    busy_s = options.blocks // 2 * options.block * options.pace_s
    idle_p99, loaded_p99 = (float(np.percentile(part, 99)) for part in (idle_ms, loaded_ms))
    return [
        Figure(name="decision_p99_ratio", value=loaded_p99 / idle_p99, unit="", goal="<= 1.5"),
        Figure(name="decision_p99_ms", value=loaded_p99, unit="ms", rival="no clients", rival_value=idle_p99),
        Figure(
            name="decision_p50_ms",
            value=float(np.median(loaded_ms)),
            unit="ms",
            rival="no clients",
            rival_value=float(np.median(idle_ms)),
        ),
        Figure(name="decisions", value=len(loaded_ms), unit=""),
        Figure(name="answers_per_s", value=got.answers / busy_s, unit="1/s"),
        Figure(name="events_per_s", value=got.events / busy_s, unit="1/s"),
        Figure(name="failures", value=got.failures, unit="", goal="== 0"),
    ]


def _daemon(folder: Path, source: Minutes, count: int, pace_s: float) -> tuple[PacedFeed, Trader, WebServer]:
    """Build a daemon that decides on every account minute of `source` after the history."""
    settings = TradingSettings(decision=DecisionSettings(timeframe=Timeframe.M1))
    start_ms = int(source.open_ms[HISTORY])
    candles = [
        market.candles(source.open_ms[:HISTORY], source.bars[:HISTORY, index])
        for index, market in enumerate(source.markets)
    ]
    engine = begin(
        markets=source.markets,
        settings=settings,
        bundle=trend_bundle(Timeframe.M1, allow_short=True),
        candles=candles,
        start_ms=start_ms,
    )
    database = connect(f"sqlite:///{folder / 'ledger.db'}")
    migrate(database)
    account = open_account(
        database,
        Beginning(
            exchange="benchmark",
            name="main",
            markets=source.markets,
            settings=settings,
            candles=candles,
            state=engine.state,
            start_ms=start_ms,
            bundle_id=engine.bundle.id,
        ),
        created_ms=start_ms,
    )
    clock, metrics = ManualClock(start_ms), Metrics()
    ready = {market.symbol: True for market in source.markets}
    feed = PacedFeed(minutes_=_minutes(source, count), pace_s=pace_s, clock=clock, ready=ready)
    listeners: list[Callable[[Snapshot], None]] = [feed.on_snapshot, partial(metrics.of_account.on_snapshot, "main")]

    def publish(snapshot: Snapshot) -> None:
        for listen in listeners:
            listen(snapshot)

    trader = Trader(
        minutes=feed,
        clock=clock,
        engine=engine,
        journal=Journal(database, account, source.markets, settings),
        max_decision_age_ms=0,
        publish=publish,
    )
    control = Control(
        trader=trader,
        clock=clock,
        records=Records(ledger=Ledger(database, account), registry=Registry(folder / "models")),
        feed=feed,
        exchange_info=ExchangeInfo(
            exchange="benchmark", market_name=source.source, is_demo=True, account="main", speed=1.0
        ),
        training=NoTraining(),
        stale_after_ms=60_000,
        shut_down=lambda: None,
    )
    web = WebServer(AccountPages(control), metrics, WebSettings(port=0, requests_per_minute=1_000_000), "token")
    listeners.append(web.on_snapshot)
    return feed, trader, web


def _minutes(source: Minutes, count: int) -> list[AccountMinute]:
    everyone = np.ones(len(source.markets), bool)
    no_funding = np.full(len(source.markets), NO_RATE, np.int64)
    return [
        AccountMinute(open_ms=int(source.open_ms[row]), bars=source.bars[row], present=everyone, funding_e8=no_funding)
        for row in range(HISTORY, HISTORY + count)
    ]


if __name__ == "__main__":
    main()
