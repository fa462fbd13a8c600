"""A daemon of the small world behind a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bot.retraining.child_process import Limits
from bot.retraining.run_queue import RunQueue
from bot.web.account_pages import AccountPages
from bot.web.server import WebServer
from storage.config.services import WebSettings
from storage.config.tree import Config
from tests.bot.trading.daemon_world import DaemonWorld, daemon_world

TOKEN = "a-token-of-the-test"


@dataclass(frozen=True, kw_only=True)
class Served:
    """The parts a test may touch. `session` keeps no cookies of its own."""

    world: DaemonWorld
    server: WebServer
    session: aiohttp.ClientSession
    address: str


@asynccontextmanager
async def served(folder: Path, **settings: Any) -> AsyncIterator[Served]:
    """Serve the small world on a free port until the block ends."""
    async with daemon_world(folder) as world:
        runs = RunQueue(folder / "runs", Limits(), asyncio.Lock())  # takes runs and begins none
        chosen = WebSettings(**{"port": 0, **settings})
        server = WebServer(AccountPages(world.control, config=Config(), run_queue=runs), world.metrics, chosen, TOKEN)
        world.listeners.append(server.on_snapshot)
        address = await server.start()
        try:
            async with aiohttp.ClientSession(address, cookie_jar=aiohttp.DummyCookieJar()) as session:
                yield Served(world=world, server=server, session=session, address=address)
        finally:
            await server.stop()


def bearer(token: str = TOKEN) -> dict[str, str]:
    """Return the header that bears a token."""
    return {"Authorization": f"Bearer {token}"}
