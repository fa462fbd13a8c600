"""Composition root of `sigma feed`: one connection to the exchange, served to the daemons of this machine.

The built-in exchange runs inside it, as inside a daemon, unless `[exchange] url` names one that runs already.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from typing import Any, Final

import structlog

from bot.exchange import Exchange, Patience, connection_to, open_exchange
from bot.feed.line_server import LineServer
from bot.feed.waiting import Stopped
from bot.operations import logs
from bot.operations.console import said
from bot.operations.file_limit import raise_file_limit
from bot.operations.systemd import ServiceManager
from storage.config.tree import Config
from storage.private import keep_private

ALIVE_S: Final = 10.0  # between two signs of life to the service manager, at most


async def serve(config: Config, address: str, *, verbose: bool = False, say: Callable[[str], None] = said) -> None:
    """Serve an exchange at `unix:PATH` until SIGTERM or SIGINT.

    Raises:
        SigmaError: it could not start.
    """
    raise_file_limit()
    keep_private([config.paths.state, config.logs.directory])
    logs.configure(config.logs, secrets=config.secrets(), verbose=verbose, files=logs.FEED_FILES)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    supervisor = ServiceManager.of(os.environ)
    reporting = asyncio.create_task(_report_alive(supervisor), name="supervisor")
    try:
        async with AsyncExitStack() as stack:
            own = config.model_copy(update={"feed": config.feed.model_copy(update={"source": ""})})
            exchange = await stack.enter_async_context(open_exchange(own, Patience(stopping=stopping)))
            server = await _opened(own, exchange, address, stack)
            say(f"market     {exchange.exchange_info.market_name}")
            say(f"feed       {address}")
            supervisor.ready()
            await _run_tasks({"beat": server.run(), "market": exchange.watch()}, stopping)
            supervisor.stopping()
    except Stopped:
        structlog.get_logger("feed").info("stopped while the exchange was away")
    finally:
        reporting.cancel()


async def _opened(config: Config, exchange: Exchange, address: str, stack: AsyncExitStack) -> LineServer:
    connection = await stack.enter_async_context(connection_to(exchange, config, shared=True))
    server = LineServer(connection, exchange.clock, address, exchange=config.exchange.name, kind=config.exchange.market)
    await server.start()
    stack.push_async_callback(server.stop)
    connection.run_beside()
    return server


async def _run_tasks(jobs: Mapping[str, Coroutine[Any, Any, None]], stopping: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(job, name=what) for what, job in jobs.items()]
        await stopping.wait()
        structlog.get_logger("feed").info("stopping")
        for task in tasks:
            task.cancel()


async def _report_alive(supervisor: ServiceManager) -> None:
    while supervisor.address:
        if not supervisor.is_ready:
            supervisor.starting(3 * ALIVE_S)
        if supervisor.alive_every_s:
            supervisor.alive()
        await asyncio.sleep(min(supervisor.alive_every_s or ALIVE_S, ALIVE_S))
