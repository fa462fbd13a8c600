"""Composition root: open what the parts stand on, build them once, run them in one task group, stop them in order.

Order of stopping: no new minutes, the one in hand into the ledger, then web, feed, exchange, database. A crash
skips all of that and loses nothing: start-up is recovery.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Engine

from bot.accounts import Accounts, open_accounts
from bot.assembly import AccountParts
from bot.clock import ScaledClock
from bot.exchange import Patience, open_exchange
from bot.feed.waiting import Stopped
from bot.operations import logs
from bot.operations.console import said
from bot.operations.file_limit import raise_file_limit
from bot.operations.keep_pace import PaceKeeper
from bot.operations.metrics import Metrics
from bot.operations.systemd import ServiceManager
from bot.operations.training_bar import show_training
from bot.operations.upgrade import migrated
from bot.retraining.promotion import first_training
from bot.web.waiting_page import WaitingPage
from storage.backup.switch import finish_restore
from storage.config.tree import Config
from storage.ledger.lease import Lease, account_lease
from storage.open import database_of
from storage.private import keep_private
from strategies.errors import AlreadyRunning, SigmaError, StorageFailed
from strategies.warm import warm

LAG_PROBE_S = 0.1
START_SAID_EVERY_S = 10.0  # a start at width takes minutes, and is no failed one
RENEW_S = 5.0  # between two looks at the account's lease


async def run(
    config: Config, *, verbose: bool = False, new_account: bool = False, say: Callable[[str], None] = said
) -> None:
    """Run the daemon until SIGTERM, SIGINT or `POST /api/shutdown`.

    Args:
        config: the whole tree.
        verbose: say debug events.
        new_account: open an account although a champion is in production whose ledger is not here.
        say: told the lines for the person who started it.

    Raises:
        SigmaError: it could not start.
    """
    raise_file_limit()
    config.require_complete()
    keep_private([config.paths.state, config.paths.models, config.logs.directory])
    logs.configure(config.logs, secrets=config.secrets(), verbose=verbose)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    supervisor = ServiceManager.of(os.environ)
    reporting = asyncio.create_task(_report_alive(supervisor), name="supervisor")
    try:
        async with _built(config, stopping, say, new_account=new_account) as accounts:
            supervisor.ready()
            await _run_tasks(accounts, supervisor, stopping, say)
    except Stopped:
        structlog.get_logger("daemon").info("stopped while the start waited")
    finally:
        reporting.cancel()


async def _run_tasks(
    accounts: Accounts, supervisor: ServiceManager, stopping: asyncio.Event, say: Callable[[str], None]
) -> None:
    async with asyncio.TaskGroup() as group:
        jobs = [
            ("runs", accounts.shared.run_queue.run()),
            ("loop-lag", _probe_lag(accounts.shared.metrics)),
            ("measuring", accounts.measuring.run()),
            ("exchange", accounts.exchange.watch()),
            ("pace", _keep_pace(accounts)),
            ("console", show_training(accounts.first.trainer.progress, say)),
        ]
        for parts in accounts.parts:
            name = parts.config.account.name
            jobs += [(f"{what} {name}" if len(accounts.parts) > 1 else what, job) for what, job in _jobs_of(parts)]
        tasks = [group.create_task(job, name=what) for what, job in jobs]
        await stopping.wait()
        accounts.hurry()
        supervisor.stopping()
        structlog.get_logger("daemon").info("stopping", minute_ms=accounts.last_minute_ms)
        for task in tasks:
            task.cancel()


def _jobs_of(parts: AccountParts) -> list[tuple[str, Coroutine[Any, Any, None]]]:
    """Return what runs for one account, by name."""
    schedule = parts.config.schedule
    jobs: list[tuple[str, Coroutine[Any, Any, None]]] = [
        ("trader", parts.trader.run()),
        ("schedule", parts.schedule.run()),
        ("shadowing", parts.shadowing.run()),
        ("markets", _take_listed(parts)),
        ("look-back", _look_back(parts)),
        ("notifications", parts.notifications.run()),
    ]
    if parts.leads:
        first = first_training(parts.control, parts.runs, wanted=schedule.retrain, catch_up=schedule.catch_up)
        jobs += [("trainer", parts.trainer.run()), ("first-training", first)]
    return jobs


async def _take_listed(parts: AccountParts) -> None:
    """Bring an account to the configured markets once its minutes are running."""
    await parts.trader.first_minute()
    await parts.universe.take_configured()


async def _look_back(parts: AccountParts) -> None:
    """Compare what was stored last before this start once its minutes are running; the nightly comparison has all."""
    await parts.trader.first_minute()
    try:
        await parts.look_back()
    except SigmaError as error:
        structlog.get_logger("daemon").warning("latest candles not compared", error=str(error))


@asynccontextmanager
async def _built(
    config: Config, stopping: asyncio.Event, say: Callable[[str], None], *, new_account: bool
) -> AsyncIterator[Accounts]:
    async with AsyncExitStack() as stack:
        page = WaitingPage(config.web, ServiceManager.of(os.environ))
        stack.push_async_callback(page.close)
        patience = Patience(on_wait=page.on_wait, stopping=stopping)
        database, lease, held = await patience.until(partial(asyncio.to_thread, _held_database, config))
        stack.callback(held.close)
        warming = asyncio.create_task(asyncio.to_thread(warm), name="warm-up")
        exchange = await stack.enter_async_context(open_exchange(config, patience))
        say(f"market     {exchange.exchange_info.market_name}")
        await warming
        accounts = await open_accounts(
            config,
            database,
            exchange,
            stack=stack,
            patience=patience,
            shut_down=stopping.set,
            new_account=new_account,
        )
        keeping = asyncio.create_task(_keep(lease, stopping.set), name="lease")
        stack.callback(keeping.cancel)
        await page.close()
        address = await accounts.web.start()
        stack.push_async_callback(accounts.web.stop)
        say(f"dashboard  {address}")
        say(f"sign in    {accounts.web.sign_in_link() if sys.stdout.isatty() else '`sigma sign-in` prints a link'}")
        _settle()
        yield accounts


def _held_database(config: Config) -> tuple[Engine, Lease, ExitStack]:
    """Return the database with the schema of today, and the accounts' lease; both are given back with the stack.

    Raises:
        StorageAway: it cannot be had just now; nothing is held.
        SigmaError: it cannot be had at all.
    """
    name, *further = config.account_names
    place = (config.exchange.name, name, config.paths.state, further)
    with ExitStack() as stack:
        database = database_of(config)
        stack.callback(database.dispose)
        lease = stack.enter_context(account_lease(database, *place, pooled=config.database.pooler))
        finish_restore(config.paths.state, database)
        migrated(config, database)
        lease.renew()  # a row had nowhere to stand before the schema
        return database, lease, stack.pop_all()


def _settle() -> None:
    """Leave what a start has made out of later garbage collections: looking it all through stops a close for .3 s."""
    gc.collect()
    gc.freeze()


async def _keep(lease: Lease, shut_down: Callable[[], None]) -> None:
    """Take the account's lease again after its server restarted; stop where another daemon was quicker."""
    log = structlog.get_logger("daemon")
    while True:
        await asyncio.sleep(RENEW_S)
        try:
            await asyncio.to_thread(lease.renew)
        except AlreadyRunning as error:
            log.error("lease lost, this daemon stops", error=str(error))
            shut_down()
            return
        except StorageFailed as error:
            log.warning("lease not renewed", error=str(error))


async def _keep_pace(accounts: Accounts) -> None:
    """Let a demo market wait for this machine; any other clock is nobody's to hold."""
    clock = accounts.exchange.clock
    if accounts.exchange.waits and isinstance(clock, ScaledClock):
        keeper = PaceKeeper(clock, lambda: accounts.last_minute_ms)
        for parts in accounts.parts:
            parts.control.slowed_to = lambda: keeper.slowed_to
        await keeper.run()


async def _report_alive(supervisor: ServiceManager) -> None:
    """Say that the process lives, whatever the exchange does: freshness is `/readyz`, and no restart mends it."""
    every_s = min(supervisor.alive_every_s or START_SAID_EVERY_S, START_SAID_EVERY_S)
    while supervisor.address:
        if not supervisor.is_ready:
            supervisor.starting(3 * START_SAID_EVERY_S)
        if supervisor.alive_every_s:
            supervisor.alive()
        await asyncio.sleep(every_s)


async def _probe_lag(metrics: Metrics) -> None:
    loop = asyncio.get_running_loop()
    while True:
        asked = loop.time()
        await asyncio.sleep(LAG_PROBE_S)
        metrics.loop_lag.observe(max(0.0, loop.time() - asked - LAG_PROBE_S))
