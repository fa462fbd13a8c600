"""Who decides while no bundle does: the trend rule and cash, as bundles without files.

Like any bundle they stand on the tape by their id, so a replay knows them; nothing has to be stored or verified.
"""

from __future__ import annotations

from typing import Final

from strategies.bundle.bundle import TREND_ID, Bundle, trend_bundle
from strategies.bundle.calibration import Calibration
from strategies.bundle.fallback_policy import FallbackLevel
from strategies.bundle.manifest import Manifest
from strategies.market import Timeframe
from strategies.predictors.cash import FAMILY, CashPredictor

CASH_ID: Final = "cash-1"
FALLBACK_STRATEGIES: Final[dict[FallbackLevel, str]] = {"trend_rule": TREND_ID, "cash": CASH_ID}


def fallback_strategy(bundle_id: str | None, timeframe: Timeframe) -> Bundle | None:
    """Return the stand-in of an id; None as an id is the trend rule, None as an answer: it is no stand-in."""
    if bundle_id is None or bundle_id == TREND_ID:
        return trend_bundle(timeframe)
    return cash_bundle(timeframe) if bundle_id == CASH_ID else None


def fallback_of(fallback_level: FallbackLevel, timeframe: Timeframe) -> Bundle:
    """Return who decides on a rung other than "models"."""
    return cash_bundle(timeframe) if fallback_level == "cash" else trend_bundle(timeframe)


def is_fallback(bundle_id: str) -> bool:
    """Return whether an id names a stand-in."""
    return bundle_id in FALLBACK_STRATEGIES.values()


def told(bundle_id: str) -> str:
    """Return who decides as people are told: a bundle by its id, a stand-in by its name too."""
    return {TREND_ID: f"the trend rule ({TREND_ID})", CASH_ID: f"cash ({CASH_ID})"}.get(bundle_id, bundle_id)


def fallback_level_of(bundle_id: str) -> FallbackLevel:
    """Return the rung of the ladder on which a bundle decides."""
    return next((fallback_level for fallback_level, name in FALLBACK_STRATEGIES.items() if name == bundle_id), "models")


def cash_bundle(timeframe: Timeframe = Timeframe.H1) -> Bundle:
    """Return the bundle whose conviction is 0: positions fade out, none is opened, and it expects no return."""
    manifest = Manifest(
        exchange="",
        symbols=(),
        timeframe=timeframe,
        horizon_bars=12,
        smoothing_span=12,
        families=(FAMILY,),
        weights={FAMILY: 1.0},
        deviations={FAMILY: 1.0},
        calibration=Calibration(conviction_deviation=1.0),
        recipe="cash",
        cost_filter=False,
    )
    return Bundle(CASH_ID, manifest, None, [CashPredictor()])
