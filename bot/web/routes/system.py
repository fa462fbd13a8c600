"""Questions about the daemon itself: its settings, its log."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from aiohttp import web
from pydantic import Field

from bot.views.log_lines import Level, LogLines, log_lines
from bot.views.settings import Settings, settings_of
from bot.web.app_keys import CONFIG
from bot.web.operations import Operations
from bot.web.problems import Unhealthy
from bot.web.requests import Asked, Limit
from storage.config.tree import Config

operations: Final = Operations("system")


class LogRequest(Asked):
    """Which events."""

    level: Level = Field("info", description="and above")
    words: str = Field("", max_length=80, description="that the line contains")
    limit: Limit = Field(200, description="lines at most")


@operations.get("/api/settings")
async def settings(request: web.Request) -> Settings:
    """Return every effective setting beside its default, and what a change needs; secrets are masked."""
    return await asyncio.to_thread(settings_of, _config(request))


@operations.get("/api/logs")
async def logs(request: web.Request, query: LogRequest) -> LogLines:
    """Return the newest events of the log, newest first."""
    path = Path(_config(request).logs.directory) / "sigma.log"
    return await asyncio.to_thread(log_lines, path, query.level, query.words, query.limit)


def _config(request: web.Request) -> Config:
    config = request.app.get(CONFIG)
    if config is None:
        raise Unhealthy("this daemon was started without a configuration")
    return config
