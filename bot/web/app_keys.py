"""What the routes find in the application."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bot.operations.metrics import Metrics
from bot.trading.control import Control
from bot.web.query_cache import Reading
from bot.web.session import Sessions
from bot.web.stream import Hub

CONTROL = web.AppKey("control", Control)
METRICS = web.AppKey("metrics", Metrics)
HUB = web.AppKey("hub", Hub)
READING = web.AppKey("reading", Reading)
SESSIONS = web.AppKey("sessions", Sessions)
OPENAPI = web.AppKey("openapi", dict[str, Any])
