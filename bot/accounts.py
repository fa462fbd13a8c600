"""All accounts of one daemon, built one after the other on one connection to the exchange and one database.

The account of `[account]` comes first: it answers where no other is named. Accounts whose production pointer is the
same have one trainer, and change their bundle together. A daemon with one account is the same with one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from sqlalchemy import Engine as Database

from bot.assembly import AccountParts, Environment, Shared, assemble
from bot.exchange import Exchange, Patience, connection_to
from bot.feed.connection import Connection
from bot.feed.kept_history import KeptHistory
from bot.feed.source import FeedSource
from bot.operations.measuring import Measuring
from bot.operations.metrics import Metrics
from bot.retraining.child_limits import limits_of, pointer_name
from bot.retraining.run_queue import RunQueue
from bot.tracing import open_tracing
from bot.trading.shared_bundle import SharedBundles
from bot.web.revoked import NAME as REVOKED
from bot.web.revoked import Revoked
from bot.web.server import WebServer
from bot.web.token import api_token
from storage.config.tree import Config
from storage.ledger.postgres import hurry


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """The built daemon: its accounts, and what they share.

    Attributes:
        hurry: to be called when the daemon is to end: a database that is silent keeps nobody from it.
    """

    parts: Sequence[AccountParts]
    exchange: Exchange
    connection: Connection
    shared: Shared
    web: WebServer
    measuring: Measuring
    hurry: Callable[[], None]

    @property
    def first(self) -> AccountParts:
        """The account that answers where no other is named."""
        return self.parts[0]

    @property
    def last_minute_ms(self) -> int:
        """The minute that all accounts have come to."""
        return min(part.trader.last_minute_ms for part in self.parts)


def configurations(config: Config) -> list[Config]:
    """Return the configuration of every account of a daemon, the one of `[account]` first."""
    return [config, *(config.of_account(name) for name in config.account_names if name != config.account.name)]


async def open_accounts(
    config: Config,
    database: Database,
    exchange: Exchange,
    *,
    stack: AsyncExitStack,
    patience: Patience,
    shut_down: Callable[[], None],
    new_account: bool,
) -> Accounts:
    """Build every account of a configuration; what it opened is closed with the stack.

    Raises:
        SigmaError: one of them cannot be opened.
    """
    configs = configurations(config)
    slot = asyncio.Lock()
    limits = replace(limits_of(config), exchange_url=exchange.url)
    run_queue = RunQueue(config.paths.state / "runs", limits, slot)
    await asyncio.to_thread(run_queue.open)
    bundles = SharedBundles(shares=len(configs) > 1)
    shared = Shared(metrics=Metrics(), run_queue=run_queue, slot=slot, bundles=bundles, history=KeptHistory())
    connection = await stack.enter_async_context(connection_to(exchange, config, shared=len(configs) > 1))
    parts: list[AccountParts] = []
    for number, own in enumerate(configs):
        feed = FeedSource(connection, own.exchange, own.feed, owned=False)
        await stack.enter_async_context(feed)
        environment = Environment(
            config=own,
            number=number,
            database=database,
            exchange=replace(exchange, exchange_info=replace(exchange.exchange_info, account=own.account.name)),
            feed=feed,
            shared=shared,
            shut_down=shut_down,
            new_account=new_account or number > 0,
            leads=next((part for part in parts if pointer_name(part.config) == pointer_name(own)), None),
            first=parts[0].notifications if parts else None,
        )
        parts.append(await patience.until(partial(assemble, environment)))
    shared.history.forget()
    _trace(config, parts, stack)
    _share_pointers(parts)
    return Accounts(
        parts=parts,
        exchange=exchange,
        connection=connection,
        shared=shared,
        web=_web(config, shared, parts),
        hurry=partial(hurry, database),
        measuring=_measuring(config, shared.metrics, database, connection, parts),
    )


def _share_pointers(parts: Sequence[AccountParts]) -> None:
    """Let the accounts of every production pointer change their bundle together."""
    for leader in (part for part in parts if part.leads):
        followers = [part.control for part in parts if pointer_name(part.config) == pointer_name(leader.config)]
        leader.control.share_pointer(followers)
        leader.training_runs.further = followers[1:]


def _trace(config: Config, parts: Sequence[AccountParts], stack: AsyncExitStack) -> None:
    """Trace every account where a collector is configured."""
    tracing = open_tracing(config.tracing, f"sigma {config.account.name}")
    if not tracing.is_on:
        return
    stack.push_async_callback(asyncio.to_thread, tracing.close)
    for part in parts:
        traces = tracing.of(part.config.account.name, partial(getattr, part.feed, "gathered_ms"))
        part.trader.trace(traces)
        part.notifications.alerts.trace(traces)


def _web(config: Config, shared: Shared, parts: Sequence[AccountParts]) -> WebServer:
    web = WebServer(
        parts[0].pages,
        shared.metrics,
        config.web,
        api_token(config.web.token.reveal(), config.paths.state),
        revoked=Revoked(config.paths.state / REVOKED),
    )
    for part in parts if len(parts) > 1 else ():
        web.add(part.pages)
    return web


def _measuring(
    config: Config, metrics: Metrics, database: Database, connection: Connection, parts: Sequence[AccountParts]
) -> Measuring:
    folders: dict[str, Path] = {
        "state": config.paths.state,
        "models": config.paths.models,
        "logs": config.logs.directory,
    }
    leaders = {pointer_name(part.config): part.control for part in parts if part.leads}
    return Measuring(metrics, database, connection, [part.control for part in parts], leaders, folders)
