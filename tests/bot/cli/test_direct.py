"""The command line speaks to its daemon directly: no proxy sees the token, no redirect leads it elsewhere."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import web

from bot.cli.commands.control import ask
from storage.config.tree import parse
from strategies.errors import BadInput
from tests.bot.web.serving import TOKEN, served


async def test_a_proxy_of_the_environment_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with served(tmp_path) as parts:
        port = parts.address.rsplit(":", 1)[1]
        config = parse("", {"SIGMA_WEB__PORT": port, "SIGMA_WEB__TOKEN": TOKEN})
        answer = await asyncio.to_thread(ask, config, "POST", "/api/session/ticket", {})
        assert answer["path"].startswith("/login?ticket=")


async def test_a_daemon_on_every_address_answers_its_own_command_line(tmp_path: Path) -> None:
    settings = {"host": "0.0.0.0", "token": TOKEN, "allowed_hosts": ("sigma.example",)}
    async with served(tmp_path, **settings) as parts:
        port = parts.address.rsplit(":", 1)[1]
        assert parts.address == f"http://127.0.0.1:{port}"
        config = parse("", {"SIGMA_WEB__PORT": port, "SIGMA_WEB__TOKEN": TOKEN, "SIGMA_WEB__HOST": "0.0.0.0"})
        answer = await asyncio.to_thread(ask, config, "GET", "/api/session")
        assert answer["signed_in"] is False


async def test_a_redirect_is_not_followed_with_the_token(tmp_path: Path) -> None:
    application = web.Application()

    async def elsewhere(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://evil.example/"})

    application.router.add_get("/api/status", elsewhere)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    config = parse("", {"SIGMA_WEB__PORT": str(runner.addresses[0][1]), "SIGMA_WEB__TOKEN": TOKEN})
    try:
        with pytest.raises(BadInput, match="302"):
            await asyncio.to_thread(ask, config, "GET", "/api/status")
    finally:
        await runner.cleanup()
