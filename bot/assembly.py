"""The parts of a daemon, each built once from the configuration and put together: who holds whom.

Reads downwards in the order of building: the account and its engine, the trader on it, the trainer, `control` over
both, and what listens to the trader's snapshots. Nothing runs yet; `daemon.py` runs and stops the parts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import structlog
from sqlalchemy import Engine as Database

from bot.alerts.candle_watch import CandleWatch
from bot.exchange import Exchange
from bot.feed.source import FeedSource
from bot.notifications import Notifications
from bot.operations.metrics import Metrics
from bot.retraining.child_process import Limits
from bot.retraining.promotion import TrainingRuns, on_drift, on_harm
from bot.retraining.run_queue import RunQueue
from bot.retraining.shadowing import Shadowing
from bot.retraining.trainer import Trainer
from bot.scheduling.candle_check import check_day
from bot.scheduling.jobs import retrain_job
from bot.scheduling.nightly import NightLedger, Nightly, check_runner, nightly_jobs
from bot.scheduling.schedule import Job, Schedule
from bot.scheduling.universe import Universe, listed_markets
from bot.trading.control import Control
from bot.trading.facts import Records
from bot.trading.listeners import Listeners, log_trading, publisher
from bot.trading.open_account import Opened, open_trading, require_ledger
from bot.trading.trader import Trader
from bot.values.shadow_results import LiveTrials
from bot.web.revoked import NAME as REVOKED
from bot.web.revoked import Revoked
from bot.web.server import WebServer
from bot.web.token import api_token
from storage.candles.market_book import record_markets
from storage.config.tree import Config
from storage.ledger.job_runs import JobRuns
from storage.ledger.journal import Journal
from storage.ledger.market_changes import began_with_symbols
from storage.ledger.queries import Ledger
from storage.ledger.shadow_trials import Shadows
from storage.models.registry import Registry, bundle_by_id
from strategies.bundle.bundle import Bundle, trend_bundle
from strategies.errors import BadInput, BundleRefused
from strategies.market import Market


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What stands before anything is built: configuration, open database, market, feed, and how to end it all.

    Attributes:
        new_account: whether an account may be opened where the production pointer says that another traded.
    """

    config: Config
    database: Database
    exchange: Exchange
    feed: FeedSource
    shut_down: Callable[[], None]
    new_account: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The built daemon: what runs, and what is told when it stands."""

    trader: Trader
    trainer: Trainer
    control: Control
    metrics: Metrics
    web: WebServer
    exchange: Exchange
    feed: FeedSource
    notifications: Notifications
    schedule: Schedule
    runs: JobRuns
    run_queue: RunQueue
    shadowing: Shadowing
    universe: Universe


async def assemble(environment: Environment) -> Parts:
    """Build the parts of a daemon.

    Raises:
        SigmaError: the account cannot be opened.
    """
    config, database, exchange = environment.config, environment.database, environment.exchange
    markets = await listed_markets(config, environment.feed, database, exchange.clock.now_ms())
    await asyncio.to_thread(record_markets, config.data.directory, markets)
    registry = Registry(config.paths.models, apart=True)
    bundle, refusal = await asyncio.to_thread(_deciding, registry, config)
    opened = await _opened(environment, markets, registry, bundle)
    metrics = Metrics()
    listeners: Listeners = [metrics.on_snapshot, log_trading]
    environment.feed.watch(opened.engine.markets)
    trader = _trader(environment, opened, listeners)
    runs, job_runs = TrainingRuns(config, exchange, exchange.clock), JobRuns(database, opened.account.id)
    slot = asyncio.Lock()  # one child at a time, whoever asked for it
    trainer = _trainer(environment, runs, job_runs, slot)
    run_queue = RunQueue(config.paths.state / "runs", _limits(config), slot)
    await asyncio.to_thread(run_queue.open)
    control = _control(environment, opened, registry, trader, trainer)
    shadowing = _shadowing(environment, opened, trader, control)
    runs.control, runs.shadowing = control, shadowing
    account = opened.account
    began_with = await asyncio.to_thread(began_with_symbols, database, account.id, account.start_ms)
    universe = Universe(config, environment.feed, control, began_with)
    web = _web(environment, control, metrics, run_queue, universe)
    listeners += [shadowing.on_snapshot, web.on_snapshot]
    notifications = await Notifications.open(config, database, control, metrics, web.on_note)
    if refusal:
        key, now_ms = f"refused:{opened.engine.state.account['last_ms'][0]}", exchange.clock.now_ms()
        await notifications.alerts.note("promotion", key, {"text": refusal}, now_ms)
    notifications.watch_also(CandleWatch(environment.feed, database, control.ledger.account, notifications.alerts))
    return Parts(
        trader=trader,
        trainer=trainer,
        control=control,
        metrics=metrics,
        web=web,
        exchange=exchange,
        feed=environment.feed,
        notifications=notifications,
        schedule=_schedule(environment, opened, control, notifications, job_runs, universe),
        runs=job_runs,
        run_queue=run_queue,
        shadowing=shadowing,
        universe=universe,
    )


async def _opened(environment: Environment, markets: tuple[Market, ...], registry: Registry, bundle: Bundle) -> Opened:
    config = environment.config
    if not environment.new_account:
        await asyncio.to_thread(require_ledger, environment.database, registry, config.exchange.name)
    return await open_trading(
        environment.database,
        exchange=config.exchange.name,
        name=config.account.name,
        markets=markets,
        settings=config.trading,
        bundle=bundle,
        candles=environment.feed,
        now_ms=environment.exchange.clock.now_ms(),
    )


def _deciding(registry: Registry, config: Config) -> tuple[Bundle, str]:
    """Return who decides, a bundle or a fallback strategy, and why it is not the champion: the trend rule is, then."""
    exchange, timeframe = config.exchange.name, config.decision.timeframe
    try:
        return bundle_by_id(registry, exchange, registry.deciding(exchange), timeframe), ""
    except (BundleRefused, BadInput) as error:
        structlog.get_logger("daemon").error("bundle refused, the trend rule decides", error=str(error))
        return trend_bundle(timeframe), f"the champion was refused at the start, the trend rule decides: {error}"


def _trader(environment: Environment, opened: Opened, listeners: Listeners) -> Trader:
    config, exchange = environment.config, environment.exchange
    return Trader(
        minutes=environment.feed,
        clock=exchange.clock,
        engine=opened.engine,
        journal=Journal(environment.database, opened.account, opened.engine.markets, config.trading),
        max_decision_age_ms=0
        if exchange.waits
        else round(config.feed.max_decision_age_s * 1000 * exchange.clock.speed),
        publish=publisher(listeners),
        settled_ms=opened.settled_ms,
    )


def _trainer(environment: Environment, runs: TrainingRuns, job_runs: JobRuns, slot: asyncio.Lock) -> Trainer:
    return Trainer(
        clock=environment.exchange.clock,
        limits=_limits(environment.config),
        arguments=runs.arguments,
        download=runs.download,
        promote=runs.promote,
        runs=job_runs,
        slot=slot,
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
    environment: Environment,
    opened: Opened,
    registry: Registry,
    trader: Trader,
    trainer: Trainer,
) -> Control:
    exchange = environment.exchange
    return Control(
        trader=trader,
        clock=exchange.clock,
        records=Records(
            ledger=Ledger(environment.database, opened.account),
            registry=registry,
            trials=LiveTrials(
                Shadows(environment.database, opened.account.id),
                environment.config.validation.harm_likelihood_ratio,
                environment.config.decision.timeframe,
            ),
        ),
        feed=environment.feed,
        exchange_info=exchange.exchange_info,
        training=trainer,
        stale_after_ms=round(environment.config.feed.stale_after_s * 1000 * max(1.0, exchange.clock.speed)),
        shut_down=environment.shut_down,
    )


def _shadowing(environment: Environment, opened: Opened, trader: Trader, control: Control) -> Shadowing:
    return Shadowing(
        control=control,
        shadows=Shadows(environment.database, opened.account.id),
        prepare=trader.prepare,
        settings=environment.config.validation,
        timeframe=environment.config.decision.timeframe,
    )


def _web(
    environment: Environment, control: Control, metrics: Metrics, run_queue: RunQueue, universe: Universe
) -> WebServer:
    config, feed = environment.config, environment.feed
    metrics.watch(age_s=lambda: control.minute_age_ms() / 1000, ready=lambda: feed.ready, refused=lambda: feed.counters)
    token = api_token(config.web.token.reveal(), config.paths.state)
    return WebServer(
        control,
        metrics,
        config.web,
        token,
        revoked=Revoked(config.paths.state / REVOKED),
        run_queue=run_queue,
        config=config,
        markets=universe,
    )


def _schedule(
    environment: Environment,
    opened: Opened,
    control: Control,
    notifications: Notifications,
    job_runs: JobRuns,
    universe: Universe,
) -> Schedule:
    chosen = [universe.job()] if universe.is_top else []
    return Schedule(
        clock=environment.exchange.clock,
        runs=job_runs,
        jobs=[*_jobs(environment, control, notifications), *chosen],
        start_ms=opened.account.start_ms,
    )


def _jobs(environment: Environment, control: Control, notifications: Notifications) -> list[Job]:
    """Return what is done by itself, in market time."""
    config = environment.config
    nightly = Nightly(
        ledger=NightLedger(
            database=environment.database,
            account=control.ledger.account,
            reached_ms=lambda: 0 if control.snapshot is None else control.snapshot.minute_ms,
            state_folder=config.paths.state,
            tape_days=config.database.tape_days,
        ),
        clock=control.clock,
        run=check_runner(_limits(config)),
        note=notifications.alerts.note,
        on_drift=lambda found: on_drift(control, config.schedule, found),
        on_harm=lambda found: on_harm(control, found),
        compare=partial(check_day, environment.database, control.ledger.account, control.markets, environment.feed),
    )
    jobs = nightly_jobs(nightly, config.schedule)
    return [retrain_job(control, config.schedule), *jobs] if config.schedule.retrain else jobs
