"""Assembly: the parts of one account, each built once from its configuration and put together: who holds whom.

Reads downwards in the order of building: the account and its engine, the trader on it, the trainer, `control` over
both, and what listens to the trader's snapshots. Nothing runs yet; `daemon.py` runs and stops the parts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from functools import partial

from sqlalchemy import Engine as Database

from bot.alerts.candle_watch import CandleWatch
from bot.exchange import Exchange
from bot.feed.kept_history import KeptHistory
from bot.feed.source import FeedSource
from bot.notifications import Notifications
from bot.operations.metrics import Metrics
from bot.retraining.child_limits import limits_of, pointer_name
from bot.retraining.child_process import PROGRAM
from bot.retraining.promotion import TrainingRuns, on_drift, on_harm
from bot.retraining.run_queue import RunQueue
from bot.retraining.shadowing import Shadowing
from bot.retraining.trainer import Trainer
from bot.scheduling.backups import backup_jobs
from bot.scheduling.candle_check import check_day, check_latest
from bot.scheduling.jobs import retrain_job
from bot.scheduling.nightly import NightLedger, Nightly, check_runner, nightly_jobs
from bot.scheduling.schedule import Job, Schedule
from bot.scheduling.tidy import tidy_job
from bot.scheduling.universe import Universe, keep_specifications, listed_markets
from bot.trading.active_bundle import active_bundle
from bot.trading.control import Control
from bot.trading.facts import Records
from bot.trading.listeners import Listeners, log_trading, publisher
from bot.trading.open_account import Opened, open_trading, require_ledger
from bot.trading.shared_bundle import SharedBundles
from bot.trading.trader import Trader
from bot.values.shadow_results import ShadowTests
from bot.web.account_pages import AccountPages
from storage.config.tree import Config
from storage.ledger.job_runs import JobRuns
from storage.ledger.journal import Journal
from storage.ledger.market_changes import began_with_symbols
from storage.ledger.queries import Ledger
from storage.ledger.shadows import Shadows
from storage.models.registry import Registry
from strategies.bundle.bundle import Bundle
from strategies.market import MINUTE_MS, Market


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What the accounts of a daemon have in common beside the exchange and the database.

    Attributes:
        slot: held by the one child process that may run, whoever asked for it.
        bundles: that decide in several accounts.
        history: what was fetched of the past since this start began.
    """

    metrics: Metrics
    run_queue: RunQueue
    slot: asyncio.Lock
    bundles: SharedBundles
    history: KeptHistory


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What stands before anything is built: configuration, open database, market, feed, and how to end it all.

    Attributes:
        config: of the account.
        number: of the account in its daemon, from 0.
        new_account: whether an account may be opened where the production pointer says that another traded.
        leads: the parts of the account whose trainer serves this one's production pointer; None: it has its own.
        first: the notifications of the daemon's first account; None: this is it.
    """

    config: Config
    database: Database
    exchange: Exchange
    feed: FeedSource
    shared: Shared
    shut_down: Callable[[], None]
    number: int = 0
    new_account: bool = False
    leads: AccountParts | None = None
    first: Notifications | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountParts:
    """A built account: what runs, and what is told when it stands.

    Attributes:
        leads: its trainer serves its production pointer; False: another account's does.
        look_back: compares the last minutes before this start with the exchange's.
    """

    config: Config
    trader: Trader
    trainer: Trainer
    control: Control
    pages: AccountPages
    feed: FeedSource
    notifications: Notifications
    schedule: Schedule
    runs: JobRuns
    training_runs: TrainingRuns
    shadowing: Shadowing
    universe: Universe
    leads: bool
    look_back: Callable[[], Awaitable[None]]


async def assemble(environment: Environment) -> AccountParts:
    """Build the parts of an account.

    Raises:
        SigmaError: the account cannot be opened.
    """
    config, database, exchange = environment.config, environment.database, environment.exchange
    markets = await listed_markets(config, environment.feed, database, exchange.clock.now_ms())
    await asyncio.to_thread(keep_specifications, config, markets)
    registry = Registry.of(config, apart=True)
    if not environment.new_account:
        await asyncio.to_thread(require_ledger, database, registry, config.exchange.name)
    bundle, refusal = await asyncio.to_thread(active_bundle, registry, config)
    share = environment.shared.bundles.of
    opened = await _opened(environment, markets, share(bundle))
    metrics, name = environment.shared.metrics, config.account.name
    listeners: Listeners = [partial(metrics.of_account.on_snapshot, name), log_trading]
    environment.feed.watch(opened.engine.markets, opened.owed_ms)
    trader = await asyncio.to_thread(_trader, environment, opened, listeners)
    runs, job_runs = TrainingRuns(config, exchange, exchange.clock), JobRuns(database, opened.account.id)
    leader = environment.leads
    trainer = _trainer(environment, runs, job_runs) if leader is None else leader.trainer
    control = _control(environment, opened, registry, trader, trainer)
    shadowing = _shadowing(environment, opened, trader, control)
    runs.control, runs.shadowing, control.share = control, shadowing, share
    account = opened.account
    began_with = await asyncio.to_thread(began_with_symbols, database, account.id, account.start_ms)
    universe = Universe(config, environment.feed, control, began_with)
    pages = AccountPages(control, config=config, markets=universe, run_queue=environment.shared.run_queue)
    listeners += [shadowing.on_snapshot, pages.on_snapshot]
    notifications = await Notifications.open(config, database, control, metrics, pages.on_note, environment.first)
    if refusal:
        key, now_ms = f"refused:{opened.engine.state.account['last_ms'][0]}", exchange.clock.now_ms()
        await notifications.alerts.note("promotion", key, {"text": refusal}, now_ms)
    notifications.watch_also(CandleWatch(environment.feed, database, control.ledger.account, notifications.alerts))
    return AccountParts(
        config=config,
        trader=trader,
        trainer=trainer,
        control=control,
        pages=pages,
        feed=environment.feed,
        notifications=notifications,
        schedule=_schedule(environment, opened, control, notifications, job_runs, universe),
        runs=job_runs,
        training_runs=runs,
        shadowing=shadowing,
        universe=universe,
        leads=leader is None,
        look_back=partial(
            check_latest, database, account, opened.engine.markets, environment.feed, trader.last_minute_ms + MINUTE_MS
        ),
    )


async def _opened(environment: Environment, markets: tuple[Market, ...], bundle: Bundle) -> Opened:
    config = environment.config
    return await open_trading(
        environment.database,
        exchange=config.exchange.name,
        name=config.account.name,
        markets=markets,
        settings=config.trading,
        bundle=bundle,
        candles=environment.shared.history.of(environment.feed.past),
        now_ms=environment.exchange.clock.now_ms(),
    )


def _trader(environment: Environment, opened: Opened, listeners: Listeners) -> Trader:
    config, exchange, feed = environment.config, environment.exchange, environment.feed
    journal = Journal(environment.database, opened.account, opened.engine.markets, config.trading)
    journal.notes = lambda: [asdict(note) for note in tuple(feed.notes)]
    return Trader(
        minutes=feed,
        clock=exchange.clock,
        engine=opened.engine,
        journal=journal,
        max_decision_age_ms=0
        if exchange.waits
        else round(config.feed.max_decision_age_s * 1000 * exchange.clock.speed),
        publish=publisher(listeners),
        settled_ms=opened.settled_ms,
    )


def _trainer(environment: Environment, runs: TrainingRuns, job_runs: JobRuns) -> Trainer:
    series, clock = environment.shared.metrics.of_training, environment.exchange.clock
    pointer = pointer_name(environment.config)
    return Trainer(
        clock=clock,
        limits=limits_of(environment.config),
        command=lambda: [*PROGRAM, *runs.arguments()],
        download=runs.download,
        promote=runs.promote,
        runs=job_runs,
        slot=environment.shared.slot,
        on_end=lambda is_success: series.ended(pointer, is_success=is_success, now_ms=clock.now_ms()),
    )


def _control(environment: Environment, opened: Opened, registry: Registry, trader: Trader, trainer: Trainer) -> Control:
    exchange = environment.exchange
    return Control(
        trader=trader,
        clock=exchange.clock,
        records=Records(
            ledger=Ledger(environment.database, opened.account),
            registry=registry,
            shadow_tests=ShadowTests(
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


def _schedule(
    environment: Environment,
    opened: Opened,
    control: Control,
    notifications: Notifications,
    job_runs: JobRuns,
    universe: Universe,
) -> Schedule:
    chosen = [universe.job()] if universe.is_top else []
    later_ms = round(environment.number * environment.config.schedule.stagger_min * MINUTE_MS)
    jobs = [*_jobs(environment, control, notifications), *chosen]
    return Schedule(
        clock=environment.exchange.clock,
        runs=job_runs,
        jobs=[replace(job, later_ms=later_ms) for job in jobs],
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
        run=check_runner(limits_of(config)),
        note=notifications.alerts.note,
        on_drift=lambda found: on_drift(control, config.schedule, found),
        on_harm=lambda found: on_harm(control, found),
        compare=partial(check_day, environment.database, control.ledger.account, control.markets, environment.feed),
    )
    jobs = nightly_jobs(nightly, config.schedule)
    database, account, registry = environment.database, control.ledger.account, control.registry
    is_first = environment.number == 0
    jobs += [tidy_job(database, account, registry, config.retention, control.clock.now_ms, with_bundles=is_first)]
    if is_first:
        jobs += backup_jobs(config, notifications.alerts.note, control.clock.now_ms)
    retrains = config.schedule.retrain and environment.leads is None
    return [retrain_job(control, config.schedule), *jobs] if retrains else jobs
