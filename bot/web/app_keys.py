"""Application keys: what the routes find in the application."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bot.operations.metrics import Metrics
from bot.retraining.run_queue import RunQueue
from bot.scheduling.universe import Universe
from bot.trading.control import Control
from bot.web.query_cache import Reading
from bot.web.session import Sessions
from bot.web.stream import Hub
from storage.config.tree import Config

CONTROL = web.AppKey("control", Control)
METRICS = web.AppKey("metrics", Metrics)
HUB = web.AppKey("hub", Hub)
READING = web.AppKey("reading", Reading)
SESSIONS = web.AppKey("sessions", Sessions)
CONFIG = web.AppKey("config", Config)
RUNS = web.AppKey("runs", RunQueue)
OPENAPI = web.AppKey("openapi", dict[str, Any])
UNIVERSE = web.AppKey("universe", Universe)
ACCOUNTS = web.AppKey("accounts", list[Control])  # all of this daemon, the first one first
