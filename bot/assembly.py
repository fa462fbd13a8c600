"""The parts of a daemon, each built once from the configuration and put together: who holds whom.

Reads downwards in the order of building: the account and its engine, the trader on it, the trainer, `control` over
both, and what listens to the trader's snapshots. Nothing runs yet; `daemon.py` runs and stops the parts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from sqlalchemy import Engine as Database

from bot.exchange import Venue
from bot.feed.source import FeedSource
from bot.notifications import Telling
from bot.operations.metrics import Metrics
from bot.retraining.child_process import Limits
from bot.retraining.promotion import TrainingRuns, on_drift, on_harm, retrain_job
from bot.retraining.shadowing import Shadowing
from bot.retraining.trainer import Trainer
from bot.scheduling.nightly import Nightly, check_runner, nightly_jobs
from bot.scheduling.schedule import Job, Schedule
from bot.trading.control import Control
from bot.trading.open_account import Opened, open_trading
from bot.trading.snapshot import Snapshot
from bot.trading.trader import Trader
from bot.views.shadow_results import LiveTrials
from bot.web.server import WebServer
from bot.web.token import api_token
from storage.bundles import bundle_by_id
from storage.candles.market_book import record_markets
from storage.config.tree import Config
from storage.ledger.job_runs import JobRuns
from storage.ledger.journal import Journal
from storage.ledger.queries import Ledger
from storage.ledger.shadow_trials import Shadows
from storage.models.registry import Registry
from strategies.bundle.bundle import Bundle, trend_bundle
from strategies.errors import BundleRefused
from strategies.market import MINUTE_MS, Market

Listeners = list[Callable[[Snapshot], None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What stands before anything is built: configuration, open database, market, feed, and how to end it all."""

    config: Config
    database: Database
    venue: Venue
    feed: FeedSource
    shut_down: Callable[[], None]


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


async def assemble(ground: Ground) -> Parts:
    """Build the parts of a daemon.

    Raises:
        SigmaError: the account cannot be opened, or belongs to other markets.
    """
    config, database, venue = ground.config, ground.database, ground.venue
    markets = tuple(await ground.feed.markets(config.exchange.symbols))
    await asyncio.to_thread(record_markets, config.data.directory, markets)
    registry = Registry(config.paths.models)
    opened = await _opened(ground, markets, registry)
    metrics = Metrics()
    listeners: Listeners = [metrics.on_snapshot, _log_signals]
    trader = _trader(ground, opened, markets, listeners)
    runs, job_runs = TrainingRuns(config, venue, venue.clock), JobRuns(database, opened.account.id)
    trainer = _trainer(ground, runs, job_runs)
    control = _control(ground, opened, markets, registry, trader, trainer)
    shadowing = _shadowing(ground, opened, trader, control)
    runs.control, runs.shadowing = control, shadowing
    web = _web(ground, control, metrics)
    listeners += [shadowing.on_snapshot, web.on_snapshot]
    telling = await Telling.open(config, database, control, metrics, web.on_note)
    return Parts(
        trader=trader,
        trainer=trainer,
        control=control,
        metrics=metrics,
        web=web,
        venue=venue,
        feed=ground.feed,
        telling=telling,
        schedule=_schedule(ground, opened, control, telling, job_runs),
        runs=job_runs,
        shadowing=shadowing,
    )


async def _opened(ground: Ground, markets: tuple[Market, ...], registry: Registry) -> Opened:
    config = ground.config
    return await open_trading(
        ground.database,
        exchange=config.exchange.name,
        name=config.account.name,
        markets=markets,
        settings=config.trading,
        bundle=await asyncio.to_thread(_deciding, registry, config),
        candles=ground.feed,
        now_ms=ground.venue.clock.now_ms(),
    )


def _deciding(registry: Registry, config: Config) -> Bundle:
    """Return who decides, a bundle or a stand-in; the trend rule when the bundle is broken."""
    exchange, timeframe = config.exchange.name, config.decision.timeframe
    try:
        return bundle_by_id(registry, exchange, registry.deciding(exchange), timeframe)
    except BundleRefused as error:
        structlog.get_logger("daemon").error("bundle refused, the trend rule decides", error=str(error))
        return trend_bundle(timeframe)


def _trader(ground: Ground, opened: Opened, markets: tuple[Market, ...], listeners: Listeners) -> Trader:
    config, venue = ground.config, ground.venue
    return Trader(
        minutes=ground.feed,
        clock=venue.clock,
        engine=opened.engine,
        journal=Journal(ground.database, opened.account, markets, config.trading),
        max_decision_age_ms=0 if venue.waits else round(config.feed.max_decision_age_s * 1000 * venue.clock.speed),
        publish=_publisher(listeners),
        settled_ms=opened.settled_ms,
    )


def _trainer(ground: Ground, runs: TrainingRuns, job_runs: JobRuns) -> Trainer:
    return Trainer(
        clock=ground.venue.clock,
        limits=_limits(ground.config),
        arguments=runs.arguments,
        download=runs.download,
        promote=runs.promote,
        runs=job_runs,
    )


def _limits(config: Config) -> Limits:
    """Return what a child may use."""
    training = config.training
    return Limits(
        nice=training.nice,
        background=training.background,
        memory_gb=training.memory_gb,
        threads=training.threads or 1,
        deadline_s=training.deadline_min * 60,
    )


def _control(
    ground: Ground,
    opened: Opened,
    markets: tuple[Market, ...],
    registry: Registry,
    trader: Trader,
    trainer: Trainer,
) -> Control:
    venue = ground.venue
    return Control(
        trader=trader,
        clock=venue.clock,
        markets=markets,
        ledger=Ledger(ground.database, opened.account),
        registry=registry,
        feed=ground.feed,
        place=venue.place,
        training=trainer,
        stale_after_ms=round(ground.config.feed.stale_after_s * 1000 * max(1.0, venue.clock.speed)),
        shut_down=ground.shut_down,
        trials=LiveTrials(
            Shadows(ground.database, opened.account.id),
            ground.config.validation.harm_likelihood_ratio,
            ground.config.decision.timeframe,
        ),
    )


def _shadowing(ground: Ground, opened: Opened, trader: Trader, control: Control) -> Shadowing:
    return Shadowing(
        control=control,
        shadows=Shadows(ground.database, opened.account.id),
        prepare=trader.prepare,
        settings=ground.config.validation,
        timeframe=ground.config.decision.timeframe,
    )


def _web(ground: Ground, control: Control, metrics: Metrics) -> WebServer:
    config, feed = ground.config, ground.feed
    metrics.watch(age_s=lambda: control.minute_age_ms() / 1000, ready=lambda: feed.ready, refused=lambda: feed.counters)
    token = api_token(config.web.token.reveal(), config.paths.state)
    return WebServer(control, metrics, config.web, token)


def _schedule(ground: Ground, opened: Opened, control: Control, telling: Telling, job_runs: JobRuns) -> Schedule:
    return Schedule(
        clock=ground.venue.clock,
        runs=job_runs,
        jobs=_jobs(ground, control, telling),
        start_ms=opened.account.start_ms,
    )


def _jobs(ground: Ground, control: Control, telling: Telling) -> list[Job]:
    """Return what is done by itself, in market time."""
    config = ground.config
    nightly = Nightly(
        database=ground.database,
        account=control.ledger.account,
        clock=control.clock,
        reached_ms=lambda: 0 if control.snapshot is None else control.snapshot.minute_ms,
        state_folder=config.paths.state,
        tape_days=config.database.tape_days,
        run=check_runner(_limits(config)),
        note=telling.alerts.note,
        on_drift=lambda found: on_drift(control, config.schedule, found),
        on_harm=lambda found: on_harm(control, found),
    )
    jobs = nightly_jobs(nightly, config.schedule)
    return [retrain_job(control, config.schedule), *jobs] if config.schedule.retrain else jobs


def _publisher(listeners: Listeners) -> Callable[[Snapshot], None]:
    def publish(snapshot: Snapshot) -> None:
        for listen in listeners:
            listen(snapshot)

    return publish


def _log_signals(snapshot: Snapshot) -> None:
    log = structlog.get_logger("trader")
    for view in snapshot.markets:
        if view.signal is not None and view.signal.decision_ms == snapshot.minute_ms + MINUTE_MS:
            log.info("signal", symbol=view.symbol, side=view.signal.signal, conviction=view.conviction)
