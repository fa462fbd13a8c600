"""Composition root: open what the parts stand on, build them once, run them in one task group, stop them in order.

Order of stopping: no new minutes, the one in hand into the ledger, then web, feed, exchange, database. A crash
skips all of that and loses nothing: start-up is recovery.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import structlog

from bot.assembly import Environment, Parts, assemble
from bot.clock import ScaledClock
from bot.exchange import Patience, open_exchange
from bot.feed.source import FeedSource
from bot.feed.waiting import Stopped
from bot.operations import logs
from bot.operations.file_limit import raise_file_limit
from bot.operations.keep_pace import PaceKeeper
from bot.operations.metrics import Metrics
from bot.operations.systemd import ServiceManager
from bot.operations.training_bar import show_training
from bot.retraining.promotion import first_training
from bot.web.waiting_page import WaitingPage
from storage.backup.switch import finish_restore
from storage.config.tree import Config
from storage.ledger.database import migrate
from storage.ledger.lease import Lease, account_lease
from storage.open import database_of
from storage.private import keep_private
from strategies.errors import AlreadyRunning, StorageFailed
from strategies.warm import warm

LAG_PROBE_S = 0.1
RENEW_S = 5.0  # between two looks at the account's lease


async def run(
    config: Config, *, verbose: bool = False, new_account: bool = False, say: Callable[[str], None] = print
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
        async with _built(config, stopping, say, new_account=new_account) as parts:
            supervisor.ready()
            await _run_tasks(config, parts, supervisor, stopping, say)
    except Stopped:
        structlog.get_logger("daemon").info("stopped while the exchange was away")
    finally:
        reporting.cancel()


async def _run_tasks(
    config: Config, parts: Parts, supervisor: ServiceManager, stopping: asyncio.Event, say: Callable[[str], None]
) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(parts.trader.run(), name="trader"),
            group.create_task(parts.trainer.run(), name="trainer"),
            group.create_task(parts.run_queue.run(), name="runs"),
            group.create_task(parts.schedule.run(), name="schedule"),
            group.create_task(parts.shadowing.run(), name="shadowing"),
            group.create_task(
                first_training(
                    parts.control, parts.runs, wanted=config.schedule.retrain, catch_up=config.schedule.catch_up
                ),
                name="first-training",
            ),
            group.create_task(_take_listed(parts), name="markets"),
            group.create_task(_probe_lag(parts.metrics), name="loop-lag"),
            group.create_task(parts.notifications.run(), name="telling"),
            group.create_task(parts.exchange.watch(), name="venue"),
            group.create_task(_keep_pace(parts), name="pace"),
            group.create_task(show_training(parts.trainer.progress, say), name="console"),
        ]
        await stopping.wait()
        supervisor.stopping()
        structlog.get_logger("daemon").info("stopping", minute_ms=parts.trader.last_minute_ms)
        for task in tasks:
            task.cancel()


async def _take_listed(parts: Parts) -> None:
    """Bring an account to the configured markets once its minutes are running."""
    await parts.trader.first_minute()
    await parts.universe.take_configured()


@asynccontextmanager
async def _built(
    config: Config, stopping: asyncio.Event, say: Callable[[str], None], *, new_account: bool
) -> AsyncIterator[Parts]:
    async with AsyncExitStack() as stack:
        database = await asyncio.to_thread(database_of, config)
        stack.callback(database.dispose)
        held = account_lease(database, config.exchange.name, config.account.name, config.paths.state)
        lease = await asyncio.to_thread(stack.enter_context, held)
        await asyncio.to_thread(finish_restore, config.paths.state, database)
        await asyncio.to_thread(migrate, database)
        warming = asyncio.create_task(asyncio.to_thread(warm), name="warm-up")
        page = WaitingPage(config.web, ServiceManager.of(os.environ))
        stack.push_async_callback(page.close)
        patience = Patience(on_wait=page.on_wait, stopping=stopping)
        exchange = await stack.enter_async_context(open_exchange(config, patience))
        say(f"market     {exchange.exchange_info.market_name}")
        feed = await stack.enter_async_context(
            FeedSource(
                config.exchange,
                config.feed,
                exchange.clock,
                url=exchange.url,
                on_time=exchange.on_time,
                state=config.paths.state / "feed",
            )
        )
        await warming
        environment = Environment(
            config=config,
            database=database,
            exchange=exchange,
            feed=feed,
            shut_down=stopping.set,
            new_account=new_account,
        )
        parts = await patience.until(partial(assemble, environment))
        keeping = asyncio.create_task(_keep(lease, stopping.set), name="lease")
        stack.callback(keeping.cancel)
        await page.close()
        address = await parts.web.start()
        stack.push_async_callback(parts.web.stop)
        say(f"dashboard  {address}")
        say(f"sign in    {parts.web.sign_in_link() if sys.stdout.isatty() else '`sigma sign-in` prints a link'}")
        yield parts


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


async def _keep_pace(parts: Parts) -> None:
    """Let a demo market wait for this machine; any other clock is nobody's to hold."""
    clock = parts.exchange.clock
    if parts.exchange.waits and isinstance(clock, ScaledClock):
        keeper = PaceKeeper(clock, lambda: parts.trader.last_minute_ms)
        parts.control.slowed_to = lambda: keeper.slowed_to
        await keeper.run()


async def _report_alive(supervisor: ServiceManager) -> None:
    """Say that the process lives, whatever the exchange does: freshness is `/readyz`, and no restart mends it."""
    while supervisor.alive_every_s:
        supervisor.alive()
        await asyncio.sleep(supervisor.alive_every_s)


async def _probe_lag(metrics: Metrics) -> None:
    loop = asyncio.get_running_loop()
    while True:
        asked = loop.time()
        await asyncio.sleep(LAG_PROBE_S)
        metrics.loop_lag.observe(max(0.0, loop.time() - asked - LAG_PROBE_S))
