"""Finding the bundle of an id, the built-in trend rule included."""

from __future__ import annotations

from storage.registry import Registry
from strategies.bundle import TREND_ID, Bundle, trend_bundle
from strategies.market import Timeframe


def bundle_by_id(registry: Registry, exchange: str, bundle_id: str | None, timeframe: Timeframe) -> Bundle:
    """Return a verified bundle; None and `trend-1` are the trend rule.

    Raises:
        BadInput: there is none of that id.
        BundleRefused: it is damaged or from another exchange.
    """
    if bundle_id is None or bundle_id == TREND_ID:
        return trend_bundle(timeframe)
    return registry.get(bundle_id, exchange)
