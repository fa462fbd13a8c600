"""Fallback strategies: the trend rule and cash, bundles without files that decide while no bundle does.

Like any bundle they stand on the tape by their id, so a replay knows them; nothing has to be stored or verified.
"""

from __future__ import annotations

from strategies.bundle.bundle import Bundle, trend_bundle
from strategies.bundle.calibration import Calibration
from strategies.bundle.fallback_names import CASH_ID, TREND_ID
from strategies.bundle.fallback_policy import FallbackLevel
from strategies.bundle.manifest import Manifest
from strategies.market import Timeframe
from strategies.predictors.cash import FAMILY, CashPredictor


def fallback_strategy(bundle_id: str | None, timeframe: Timeframe) -> Bundle | None:
    """Return the fallback strategy of an id; None as an id is the trend rule, None as an answer: it is none."""
    if bundle_id is None or bundle_id == TREND_ID:
        return trend_bundle(timeframe)
    return cash_bundle(timeframe) if bundle_id == CASH_ID else None


def fallback_of(fallback_level: FallbackLevel, timeframe: Timeframe) -> Bundle:
    """Return who decides on a fallback level other than "models"."""
    return cash_bundle(timeframe) if fallback_level == "cash" else trend_bundle(timeframe)


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
