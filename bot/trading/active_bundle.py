"""Who decides at a start: the champion, or the trend rule where there is none that can.

No bundle and no pointer, however damaged, keeps an account from trading; people are told.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import structlog

from storage.config.tree import Config
from storage.durable import sync
from storage.models.registry import Registry, bundle_by_id
from strategies.bundle.bundle import Bundle, trend_bundle
from strategies.errors import BadInput, BundleRefused, StorageFailed


def active_bundle(registry: Registry, config: Config) -> tuple[Bundle, str]:
    """Return a bundle or a fallback strategy, and why it is not the champion; "" where it is."""
    exchange, timeframe = config.exchange.name, config.decision.timeframe
    log = structlog.get_logger("daemon")
    try:
        deciding = registry.active(exchange)
    except StorageFailed as error:
        aside = _set_aside(registry.pointer_file(exchange))
        log.error("production pointer is damaged, the trend rule decides", aside=str(aside), error=str(error))
        told = f"the production pointer could not be read and lies in {aside} now; promote a bundle again"
        return trend_bundle(timeframe), f"{told}, the trend rule decides until then"
    try:
        return bundle_by_id(registry, exchange, deciding, timeframe), ""
    except (BundleRefused, BadInput) as error:
        log.error("bundle refused, the trend rule decides", error=str(error))
        return trend_bundle(timeframe), f"the champion was refused at the start, the trend rule decides: {error}"


def _set_aside(pointer: Path) -> Path:
    """Move a damaged pointer out of the way and return where it lies; a new one begins with the next promotion.

    Raises:
        StorageFailed: it cannot be moved.
    """
    aside = pointer.with_name(f"{pointer.name}.damaged-{uuid.uuid4().hex[:8]}")
    try:
        os.rename(pointer, aside)
        sync(pointer.parent)
    except OSError as error:
        raise StorageFailed(f"{pointer} is damaged and cannot be moved aside: {error.strerror}") from error
    return aside
