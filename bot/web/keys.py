"""What the routes find in the application."""

from __future__ import annotations

from aiohttp import web

from bot.control import Control
from bot.metrics import Metrics

CONTROL = web.AppKey("control", Control)
METRICS = web.AppKey("metrics", Metrics)
