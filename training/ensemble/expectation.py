"""Expectation: what a bundle's out-of-fold past says its trading should look like, the yardstick of the monitors.

Written into the bundle's record, so that months later the live account can be held against it. Costs and sizes are
those of the kernel; nothing here was seen in training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from strategies.market import DAY_MS
from strategies.oversight.drift_statistics import exposure_by_day, turnover_by_day
from training.ensemble.wins import TradedPast


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """Out-of-fold trading, by UTC day.

    Attributes:
        daily_returns: (d,) net.
        daily_turnover: (d,) traded notional / equity.
        daily_exposure: (d,) gross notional / equity, mean of the closes; all 0 in a record made before it was kept.
    """

    daily_returns: np.ndarray
    daily_turnover: np.ndarray
    daily_exposure: np.ndarray

    def document(self) -> dict[str, list[float]]:
        """Return plain JSON."""
        return {
            "daily_returns": [round(float(value), 8) for value in self.daily_returns],
            "daily_turnover": [round(float(value), 6) for value in self.daily_turnover],
            "daily_exposure": [round(float(value), 6) for value in self.daily_exposure],
        }

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> Self | None:
        """Return the expectation in a bundle's record; None where it was not written."""
        found = record.get("expected")
        if not isinstance(found, dict) or not found.get("daily_returns"):
            return None
        turnover = np.array(found["daily_turnover"], np.float64)
        return cls(
            daily_returns=np.array(found["daily_returns"], np.float64),
            daily_turnover=turnover,
            daily_exposure=np.array(found.get("daily_exposure", np.zeros_like(turnover)), np.float64),
        )


def expectation_of(past: TradedPast) -> Expectation:
    """Return the daily returns, turnover and exposure of out-of-fold trading; whole days only."""
    step = int(past.open_ms[1] - past.open_ms[0]) if len(past.open_ms) > 1 else DAY_MS
    closes = past.open_ms + step
    ends = np.flatnonzero(closes % DAY_MS == 0)
    equity = past.run.equity[ends].astype(np.float64)
    days = closes[ends]
    returns = np.diff(equity) / equity[:-1] if len(equity) > 1 else np.zeros(0)
    facts, values = past.run.facts, np.array([market.unit_value for market in past.markets], np.int64)
    return Expectation(
        daily_returns=returns,
        daily_turnover=turnover_by_day(facts, values[facts["market"]], days, equity),
        daily_exposure=exposure_by_day(past.run.exposure, closes, days),
    )
