"""How long an hour's close takes: from the last candle of the hour to the committed transaction, by number of markets.

The daemon's own trader, engine and journal, on SQLite, fed with made-up minutes as fast as they are taken; a small but
real bundle of every family is trained first. The time is the trader's own: features, votes, decisions, orders, signals
with their reasons, and the transaction that holds tape, ledger and outbox. Processor time stands beside it: on a busy
machine it alone says whether the work grows faster than the number of markets.
"""

from __future__ import annotations

import asyncio
import gc
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np
from sqlalchemy import Engine as Database

from benchmarks.figures import Figure, parser, show
from benchmarks.worlds import World, dataset_of
from bot.clock import ManualClock
from bot.trading.snapshot import Snapshot
from bot.trading.trader import Trader
from storage.config.tree import Config
from storage.ledger.accounts import Account, Beginning, open_account
from storage.ledger.database import connect, migrate
from storage.ledger.journal import Journal
from strategies.bundle.bundle import Bundle, assemble
from strategies.engine import Engine, begin
from strategies.kernel.state import NO_RATE
from strategies.market import HOUR_MS, MINUTE_MS, CandleArray, Market, Timeframe
from strategies.minute import AccountMinute, Command
from strategies.warm import warm
from training.ensemble.bundle import TrainedBundle, train
from training.ensemble.plan import Plan
from training.ensemble.voters import makers
from training.tuning.test_mode import BARS, small

COUNTS: Final = (10, 50, 200, 500)
FAMILIES: Final = ("xgboost", "lstm", "ridge", "ppo")
HISTORY_H: Final = 3_072  # a block of 512 bars and its warm-up
FIRST_H: Final = 2  # closes that are not counted: caches fill
START_MS: Final = 1_735_689_600_000
HOURLY: Final = 0.006  # deviation of an hour's log return
GOAL_MS: Final = 5  # for each market


@dataclass(slots=True, kw_only=True)
class MadeMinutes:
    """A feed of made-up minutes, each as soon as the one before is in the ledger."""

    taken: Sequence[AccountMinute]
    clock: ManualClock
    began_s: float = 0.0  # processor time when the newest minute was handed out

    async def minutes(self, after_ms: int, settled_ms: Sequence[int] | None = None) -> AsyncIterator[AccountMinute]:
        for minute in self.taken:
            self.clock.set(minute.open_ms + MINUTE_MS)
            self.began_s = time.process_time()
            yield minute

    async def processed(self, minute_ms: int) -> None: ...

    def change(self, command: Command, timeframe: Timeframe) -> None: ...

    def members(self, markets: Sequence[Market]) -> None: ...

    def awaits(self, symbol: str) -> bool:
        return False

    def give_up(self, symbol: str) -> bool:
        return False


@dataclass(slots=True, kw_only=True)
class Closes:
    """Collects how long closes took: (elapsed, processor), s."""

    feed: MadeMinutes
    seconds: list[tuple[float, float]] = field(default_factory=list)

    def on_snapshot(self, snapshot: Snapshot) -> None:
        if (snapshot.minute_ms + MINUTE_MS) % HOUR_MS == 0:
            self.seconds.append((snapshot.took_s, time.process_time() - self.feed.began_s))


def small_bundle(exchange: str = "benchmark") -> TrainedBundle:
    """Return a bundle of every family, trained in test mode on made-up markets with an edge."""
    config = small(Config())
    made = makers(config, seed=1)
    plan = Plan(
        families=[made[family]() for family in FAMILIES],
        trading=config.trading,
        validation=config.validation,
        years=0.5,
        seed=1,
    )
    dataset = dataset_of(World(kind="generated", seed=3, edge=0.12), BARS)
    return train(replace(dataset, exchange=exchange), plan)


def made_markets(count: int) -> tuple[Market, ...]:
    """Return `count` markets."""
    return tuple(
        Market(exchange="benchmark", symbol=f"M{index:03d}USDT", tick=Decimal("0.01"), lot=Decimal("0.001"))
        for index in range(count)
    )


def made_candles(rng: np.random.Generator, start_ms: int, count: int, step_ms: int, first: float) -> CandleArray:
    """Return (count, 6) candles of a random walk from a price on."""
    spread = HOURLY * np.sqrt(step_ms / HOUR_MS)
    close = first * np.exp(np.cumsum(rng.standard_t(5, count) * spread * 0.77))
    opened = np.concatenate([[first], close[:-1]])
    high = np.maximum(opened, close) * (1 + rng.exponential(spread / 3, count))
    low = np.minimum(opened, close) * (1 - rng.exponential(spread / 3, count))
    open_ms = start_ms + step_ms * np.arange(count, dtype=np.float64)
    return np.column_stack([open_ms, opened, high, low, close, rng.gamma(2, 50, count)])


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeAccount:
    """A new account of made-up markets: its ledger, its engine, and the candles before its first minute."""

    database: Database
    account: Account
    engine: Engine
    journal: Journal
    history: list[CandleArray]
    rng: np.random.Generator

    def minutes(self, count: int, funding: Callable[[int], int] = lambda _open_ms: NO_RATE) -> Iterator[AccountMinute]:
        """Yield made-up account minutes; `funding` is told each open and returns the rate settled then, x 1e8."""
        markets = self.engine.markets
        walks = [made_candles(self.rng, START_MS, count, MINUTE_MS, float(part[-1, 4])) for part in self.history]
        bars = np.stack([market.bars(walk) for market, walk in zip(markets, walks, strict=True)], axis=1)
        everyone = np.ones(len(markets), bool)
        for row in range(count):
            open_ms = START_MS + row * MINUTE_MS
            rates = np.full(len(markets), funding(open_ms), np.int64)
            yield AccountMinute(open_ms=open_ms, bars=bars[row], present=everyone, funding_e8=rates)


def made_account(bundle: Bundle, count: int, file: Path) -> MadeAccount:
    """Open an account of `count` made-up markets in a new SQLite file."""
    markets, settings, rng = made_markets(count), Config().trading, np.random.default_rng(count)
    history = [made_candles(rng, START_MS - HISTORY_H * HOUR_MS, HISTORY_H, HOUR_MS, 1_000.0) for _ in markets]
    engine = begin(markets=markets, settings=settings, bundle=bundle, candles=history, start_ms=START_MS)
    database = connect(f"sqlite:///{file}")
    migrate(database)
    beginning = Beginning(
        exchange="benchmark",
        name="main",
        markets=markets,
        settings=settings,
        candles=history,
        state=engine.state,
        start_ms=START_MS,
        bundle_id=bundle.id,
    )
    account = open_account(database, beginning, created_ms=START_MS)
    journal = Journal(database, account, markets, settings)
    return MadeAccount(database=database, account=account, engine=engine, journal=journal, history=history, rng=rng)


async def close_hours(bundle: Bundle, count: int, hours: int, folder: Path) -> np.ndarray:
    """Return (hours, 2) elapsed and processor seconds of the closes of `count` markets; the ledger lies in `folder`."""
    made = made_account(bundle, count, folder / f"{count}.db")
    clock = ManualClock(START_MS)
    feed = MadeMinutes(taken=list(made.minutes((hours + FIRST_H) * 60)), clock=clock)
    closes = Closes(feed=feed)
    trader = Trader(
        minutes=feed,
        clock=clock,
        engine=made.engine,
        journal=made.journal,
        max_decision_age_ms=0,
        publish=closes.on_snapshot,
    )
    gc.collect()
    gc.freeze()  # as the daemon does when it stands
    await trader.run()
    gc.unfreeze()
    made.database.dispose()
    return np.array(closes.seconds[FIRST_H:])


def figures_of(counts: Sequence[int], seconds: Sequence[np.ndarray]) -> list[Figure]:
    """Return four figures for each number of markets; their names end in it where there are several."""
    figures = []
    for count, taken in zip(counts, seconds, strict=True):
        end = f"_{count}" if len(counts) > 1 else ""
        p50, p99 = (float(np.quantile(taken[:, 0], share)) for share in (0.5, 0.99))
        busy = float(np.median(taken[:, 1]))
        figures += [
            Figure(name=f"p50_s{end}", value=round(p50, 5), unit="s"),
            Figure(name=f"p99_s{end}", value=round(p99, 5), unit="s"),
            Figure(
                name=f"ms_per_market{end}",
                value=round(1000 * p50 / count, 4),
                unit="ms",
                goal=f"<= {GOAL_MS}",
            ),
            Figure(name=f"processor_ms_per_market{end}", value=round(1000 * busy / count, 4), unit="ms"),
        ]
    return figures


def main() -> None:
    """Run the benchmark."""
    arguments = parser("hour_close", __doc__ or "")
    arguments.add_argument("--markets", type=int, nargs="+", default=list(COUNTS), help="numbers of markets")
    arguments.add_argument("--hours", type=int, default=24, help="closes measured for each")
    options = arguments.parse_args()
    warm()
    trained = small_bundle()
    bundle = assemble(trained.files, trained.id)
    with tempfile.TemporaryDirectory(prefix="hour-close-") as name:
        seconds = [asyncio.run(close_hours(bundle, count, options.hours, Path(name))) for count in options.markets]
    show("hour_close", figures_of(options.markets, seconds), as_json=options.json, families=list(FAMILIES))


if __name__ == "__main__":
    main()
