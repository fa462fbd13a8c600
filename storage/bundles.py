"""Finding the bundle of an id, the built-in stand-ins included."""

from __future__ import annotations

from storage.models.registry import Registry
from strategies.bundle.bundle import Bundle
from strategies.bundle.fallback_strategies import fallback_strategy
from strategies.market import Timeframe


def bundle_by_id(registry: Registry, exchange: str, bundle_id: str | None, timeframe: Timeframe) -> Bundle:
    """Return a verified bundle; None and `trend-1` are the trend rule, `cash-1` is cash.

    Raises:
        BadInput: there is none of that id.
        BundleRefused: it is damaged or from another exchange.
    """
    return fallback_strategy(bundle_id, timeframe) or registry.get(str(bundle_id), exchange)
