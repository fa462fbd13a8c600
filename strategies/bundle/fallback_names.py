"""Names of who decides while no bundle does: the ids of the fallback strategies, and how people are told of them.

Words only, so that a list of bundles can be shown without loading what predicts.
"""

from __future__ import annotations

from typing import Final

from strategies.bundle.fallback_policy import FallbackLevel

TREND_ID: Final = "trend-1"
CASH_ID: Final = "cash-1"
FALLBACK_STRATEGIES: Final[dict[FallbackLevel, str]] = {"trend_rule": TREND_ID, "cash": CASH_ID}


def is_fallback(bundle_id: str) -> bool:
    """Return whether an id names a fallback strategy."""
    return bundle_id in FALLBACK_STRATEGIES.values()


def told(bundle_id: str) -> str:
    """Return who decides as people are told: a bundle by its id, a fallback strategy by its name too."""
    return {TREND_ID: f"the trend rule ({TREND_ID})", CASH_ID: f"cash ({CASH_ID})"}.get(bundle_id, bundle_id)


def fallback_level_of(bundle_id: str) -> FallbackLevel:
    """Return the level of the fallback policy on which a bundle decides."""
    return next((fallback_level for fallback_level, name in FALLBACK_STRATEGIES.items() if name == bundle_id), "models")
