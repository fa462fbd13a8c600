"""Composition root: build everything once, run it in one task group, stop it in order.

Order of stopping: no new minutes, the one in hand into the ledger, then web, feed, exchange, database. A crash
skips all of that and loses nothing: start-up is recovery.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog
from sqlalchemy import Engine as Database

from bot import logs
from bot.child import Limits
from bot.console import show_training
from bot.control import Control
from bot.feed.source import FeedSource
from bot.metrics import Metrics
from bot.nightly import Nightly, check_runner, nightly_jobs
from bot.opening import open_trading
from bot.schedule import Job, Schedule
from bot.shadow import Shadowing
from bot.snapshot import Snapshot
from bot.systemd import ServiceManager
from bot.telling import Telling
from bot.trader import Trader
from bot.trainer import Trainer
from bot.training_runs import TrainingRuns, first_training, on_drift, on_harm, retrain_job
from bot.venue import Venue, open_venue
from bot.web.server import WebServer
from bot.web.token import api_token
from storage.backup import finish_restore
from storage.bundles import bundle_by_id
from storage.config import Config
from storage.configured import database_of
from storage.database import migrate
from storage.jobs import JobRuns
from storage.journal import Journal
from storage.lease import account_lease
from storage.ledger import Ledger
from storage.market_book import record_markets
from storage.registry import Registry
from storage.shadows import Shadows
from strategies.bundle import Bundle, trend_bundle
from strategies.errors import BundleRefused
from strategies.market import MINUTE_MS
from strategies.warm import warm

LAG_PROBE_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The built daemon: what runs, and what is told when it stands."""

    trader: Trader
    trainer: Trainer
    control: Control
    metrics: Metrics
    web: WebServer
    venue: Venue
    feed: FeedSource
    telling: Telling
    schedule: Schedule
    runs: JobRuns
    shadowing: Shadowing


async def run(config: Config, *, verbose: bool = False, say: Callable[[str], None] = print) -> None:
    """Run the daemon until SIGTERM, SIGINT or `POST /api/shutdown`.

    Args:
        config: the whole tree.
        verbose: say debug events.
        say: told the lines for the person who started it.

    Raises:
        SigmaError: it could not start.
    """
    logs.configure(config.logs, secrets=config.secrets(), verbose=verbose)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with _built(config, stopping.set, say) as parts:
        await _run_tasks(config, parts, stopping, say)


async def _run_tasks(config: Config, parts: Parts, stopping: asyncio.Event, say: Callable[[str], None]) -> None:
    supervisor = ServiceManager.of(os.environ)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(parts.trader.run(), name="trader"),
            group.create_task(parts.trainer.run(), name="trainer"),
            group.create_task(parts.schedule.run(), name="schedule"),
            group.create_task(parts.shadowing.run(), name="shadowing"),
            group.create_task(
                first_training(
                    parts.control, parts.runs, wanted=config.schedule.retrain, catch_up=config.schedule.catch_up
                ),
                name="first-training",
            ),
            group.create_task(_probe_lag(parts.metrics), name="loop-lag"),
            group.create_task(parts.telling.run(), name="telling"),
            group.create_task(parts.venue.watch(), name="venue"),
            group.create_task(show_training(parts.trainer.progress, say), name="console"),
            group.create_task(_tell_supervisor(supervisor, parts.control), name="supervisor"),
        ]
        await stopping.wait()
        supervisor.stopping()
        structlog.get_logger("daemon").info("stopping", minute_ms=parts.trader.last_minute_ms)
        for task in tasks:
            task.cancel()


@asynccontextmanager
async def _built(config: Config, shut_down: Callable[[], None], say: Callable[[str], None]) -> AsyncIterator[Parts]:
    async with AsyncExitStack() as stack:
        database = await asyncio.to_thread(database_of, config)
        stack.callback(database.dispose)
        lease = account_lease(database, config.exchange.name, config.account.name, config.paths.state)
        await asyncio.to_thread(stack.enter_context, lease)
        await asyncio.to_thread(finish_restore, config.paths.state, database)
        await asyncio.to_thread(migrate, database)
        warming = asyncio.create_task(asyncio.to_thread(warm), name="warm-up")
        venue = await stack.enter_async_context(open_venue(config))
        say(f"market     {venue.place.market_name}")
        feed = await stack.enter_async_context(
            FeedSource(config.exchange, config.feed, venue.clock, url=venue.url, on_time=venue.on_time)
        )
        await warming
        parts = await _assemble(config, database, venue, feed, shut_down)
        address = await parts.web.start()
        stack.push_async_callback(parts.web.stop)
        say(f"dashboard  {address}")
        say(f"sign in    {parts.web.sign_in_link()}")
        yield parts


async def _assemble(
    config: Config, database: Database, venue: Venue, feed: FeedSource, shut_down: Callable[[], None]
) -> Parts:
    markets = tuple(await feed.markets(config.exchange.symbols))
    await asyncio.to_thread(record_markets, config.data.directory, markets)
    registry = Registry(config.paths.models)
    opened = await open_trading(
        database,
        exchange=config.exchange.name,
        name=config.account.name,
        markets=markets,
        settings=config.trading,
        bundle=await asyncio.to_thread(_production, registry, config),
        candles=feed,
        now_ms=venue.clock.now_ms(),
    )
    metrics = Metrics()
    listeners: list[Callable[[Snapshot], None]] = [metrics.on_snapshot, _log_signals]
    trader = Trader(
        minutes=feed,
        clock=venue.clock,
        engine=opened.engine,
        journal=Journal(database, opened.account, markets, config.trading),
        max_decision_age_ms=0 if venue.waits else round(config.feed.max_decision_age_s * 1000 * venue.clock.speed),
        publish=_publisher(listeners),
        settled_ms=opened.settled_ms,
    )
    runs = TrainingRuns(config, venue, venue.clock)
    limits = Limits(
        nice=config.training.nice,
        memory_gb=config.training.memory_gb,
        threads=config.training.threads or 1,
        deadline_s=config.training.deadline_min * 60,
    )
    job_runs = JobRuns(database, opened.account.id)
    trainer = Trainer(
        clock=venue.clock,
        limits=limits,
        arguments=runs.arguments,
        download=runs.download,
        promote=runs.promote,
        runs=job_runs,
    )
    control = Control(
        trader=trader,
        clock=venue.clock,
        markets=markets,
        ledger=Ledger(database, opened.account),
        registry=registry,
        feed=feed,
        place=venue.place,
        training=trainer,
        fallback=lambda: trend_bundle(config.decision.timeframe),
        stale_after_ms=round(config.feed.stale_after_s * 1000 * max(1.0, venue.clock.speed)),
        shut_down=shut_down,
    )
    shadowing = Shadowing(
        control=control,
        shadows=Shadows(database, opened.account.id),
        prepare=trader.prepare,
        settings=config.validation,
        timeframe=config.decision.timeframe,
    )
    runs.control, runs.shadowing = control, shadowing
    listeners.append(shadowing.on_snapshot)
    metrics.watch(age_s=lambda: control.minute_age_ms() / 1000, ready=lambda: feed.ready, refused=lambda: feed.counters)
    token = api_token(config.web.token.reveal(), config.paths.state)
    web = WebServer(control, metrics, config.web, token)
    listeners.append(web.on_snapshot)
    telling = await Telling.open(config, database, control, metrics)
    return Parts(
        trader=trader,
        trainer=trainer,
        control=control,
        metrics=metrics,
        web=web,
        venue=venue,
        feed=feed,
        telling=telling,
        schedule=Schedule(
            clock=venue.clock,
            runs=job_runs,
            jobs=_jobs(config, database, control, telling, limits),
            start_ms=opened.account.start_ms,
        ),
        runs=job_runs,
        shadowing=shadowing,
    )


def _jobs(config: Config, database: Database, control: Control, telling: Telling, limits: Limits) -> list[Job]:
    """Return what is done by itself, in market time."""
    nightly = Nightly(
        database=database,
        account=control.ledger.account,
        clock=control.clock,
        state_folder=config.paths.state,
        tape_days=config.database.tape_days,
        run=check_runner(limits),
        note=telling.alerts.note,
        on_drift=lambda found: on_drift(control, config.schedule, found),
        on_harm=lambda found: on_harm(control, found),
    )
    jobs = nightly_jobs(nightly, config.schedule)
    return [retrain_job(control, config.schedule), *jobs] if config.schedule.retrain else jobs


def _production(registry: Registry, config: Config) -> Bundle:
    """Return the bundle in production; the trend rule when there is none, or when it is broken."""
    try:
        found = registry.production(config.exchange.name)
        return bundle_by_id(registry, config.exchange.name, found, config.decision.timeframe)
    except BundleRefused as error:
        structlog.get_logger("daemon").error("bundle refused, the trend rule decides", error=str(error))
        return trend_bundle(config.decision.timeframe)


def _publisher(listeners: list[Callable[[Snapshot], None]]) -> Callable[[Snapshot], None]:
    def publish(snapshot: Snapshot) -> None:
        for listen in listeners:
            listen(snapshot)

    return publish


def _log_signals(snapshot: Snapshot) -> None:
    log = structlog.get_logger("trader")
    for view in snapshot.markets:
        if view.signal is not None and view.signal.decision_ms == snapshot.minute_ms + MINUTE_MS:
            log.info("signal", symbol=view.symbol, side=view.signal.signal, conviction=view.conviction)


async def _tell_supervisor(supervisor: ServiceManager, control: Control) -> None:
    """Say that we are alive as long as candles are processed: a loop that only turns is no life."""
    supervisor.ready()
    while supervisor.alive_every_s:
        await asyncio.sleep(supervisor.alive_every_s)
        if control.snapshot is None or control.is_fresh():
            supervisor.alive()


async def _probe_lag(metrics: Metrics) -> None:
    loop = asyncio.get_running_loop()
    while True:
        asked = loop.time()
        await asyncio.sleep(LAG_PROBE_S)
        metrics.loop_lag.observe(max(0.0, loop.time() - asked - LAG_PROBE_S))
