"""Four alarms and no more: features, calibration, turnover, drawdown; parity is the nightly check's.

Features or calibration that moved start a retraining, never a swap. A drawdown beyond its band is the only one that
asks for a rollback. Numbers in, report out; `drift_inputs.py` brings them from a ledger, the simulation from itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from storage.config.training import ValidationSettings
from strategies.bundle.bundle import Bundle
from strategies.market import DAY_MS
from strategies.oversight.drift_statistics import (
    drawdown_band,
    exposure_by_day,
    largest_drawdown,
    ratio_band,
    turnover_by_day,
)
from training.backtest.scorecard import plain
from training.data.dataset import Segment
from training.ensemble.expectation import Expectation
from training.monitors.calibration_drift import ENSEMBLE, Recorded, VoterCalibration, calibration_drift
from training.monitors.feature_drift import FeatureDrift, feature_drift

SAMPLES: Final = 2_000
LEAST_ACCOUNT_D: Final = 14
YEAR_D: Final = 365


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRecord:
    """An account under one bundle.

    Attributes:
        closes_ms: (e,) of decision candles.
        equity: (e,) units.
        exposure: (e,) gross notional / equity.
        facts: (n,) FACT between them.
        unit_values: (n,) units per tick and lot of each fact's market, as it was then.
    """

    closes_ms: np.ndarray
    equity: np.ndarray
    exposure: np.ndarray
    facts: np.ndarray
    unit_values: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A figure of the account inside or outside what its bundle's out-of-fold past lets expect."""

    name: str
    found: float
    low: float
    high: float
    days: int

    @property
    def is_left(self) -> bool:
        return math.isfinite(self.found) and not self.low <= self.found <= self.high

    @property
    def text(self) -> str:
        """Return "drawdown 4.7% outside 0.0% to 2.5%"."""
        form = ".1%" if self.name == "drawdown" else ".3f"
        return f"{self.name} {self.found:{form}} outside {self.low:{form}} to {self.high:{form}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReport:
    """What the monitors say of a bundle in production.

    Attributes:
        at_ms: newest close.
        alarms: what is out of order, one phrase each.
    """

    bundle: str
    at_ms: int
    features: tuple[FeatureDrift, ...]
    calibration: tuple[VoterCalibration, ...]
    turnover: Band | None
    drawdown: Band | None

    @property
    def moved(self) -> tuple[str, ...]:
        """Names of the features that moved."""
        return tuple(part.name for part in self.features if part.has_moved)

    @property
    def alarms(self) -> tuple[str, ...]:
        """What is out of order, a phrase each."""
        found = [f"{len(self.moved)} of {len(self.features)} features moved ({', '.join(self.moved[:3])})"]
        found = found if self.moved else []
        for part in self._broken:
            figures = part.figures
            found.append(
                f"{part.name} is miscalibrated (slope {figures.slope:.2f}, log-loss {figures.log_loss:.4f} against "
                f"{figures.base_log_loss:.4f} of the base rate)"
            )
        for band in (self.turnover, self.drawdown):
            if band is not None and band.is_left:
                found.append(band.text)
        return tuple(found)

    @property
    def _broken(self) -> tuple[VoterCalibration, ...]:
        return tuple(part for part in self.calibration if part.figures.is_broken)

    @property
    def wants_training(self) -> bool:
        """Whether a retraining is called for: features moved, or the ensemble's calibration broke."""
        return bool(self.moved) or any(part.name == ENSEMBLE for part in self._broken)

    @property
    def wants_rollback(self) -> bool:
        """Whether the drawdown left its band."""
        return self.drawdown is not None and self.drawdown.is_left

    @property
    def sentence(self) -> str:
        """The report in words."""
        if self.alarms:
            return "; ".join(self.alarms)
        if not self.features and not self.calibration:
            return "too little has happened under this bundle to say anything"
        return "no drift: features, calibration, turnover and drawdown are inside their bounds"

    def document(self) -> dict[str, Any]:
        """Return plain JSON."""
        shown = plain(asdict(self))
        assert isinstance(shown, dict)
        words = {"drifted": bool(self.alarms), "alarms": list(self.alarms), "sentence": self.sentence}
        return {**words, "wants_training": self.wants_training, "wants_rollback": self.wants_rollback, **shown}


def drift_report(
    bundle: Bundle,
    recorded: Recorded,
    account: AccountRecord,
    segments: Sequence[Segment],
    expected: Expectation | None,
    validation: ValidationSettings,
    seed: int = 0,
) -> DriftReport:
    """Return what the monitors say.

    Args:
        bundle: in production.
        recorded: its decisions.
        account: since it decides.
        segments: bars with features and targets: training history, and what came since. Of markets that have no
            decisions, as those that only teach, nothing is asked.
        expected: of its out-of-fold past; None: turnover and drawdown are not judged.
        validation: quantile of the drawdown band and length of bootstrap blocks.
        seed: of the bootstraps.
    """
    rng = np.random.default_rng(seed)
    timeframe = bundle.manifest.timeframe
    own = [segment for segment in segments if segment.symbol in recorded.symbols]
    features = (
        feature_drift(own, bundle.features, timeframe, bundle.manifest.trained_until_ms, rng)
        if bundle.features is not None and own
        else ()
    )
    turnover, drawdown = _bands(account, expected, validation, rng)
    return DriftReport(
        bundle=bundle.id,
        at_ms=int(recorded.ms[-1]) if len(recorded.ms) else 0,
        features=features,
        calibration=calibration_drift(bundle, recorded, own, timeframe) if len(recorded.ms) else (),
        turnover=turnover,
        drawdown=drawdown,
    )


def _as_wide(expected: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Return expected daily returns around their mean, spread like an account's own days where those vary more."""
    spread, found = float(expected.std()), float(own.std())
    wider = found / spread if spread > 0 else 1.0
    return np.asarray(expected.mean() + (expected - expected.mean()) * max(1.0, wider))


def _bands(
    account: AccountRecord, expected: Expectation | None, validation: ValidationSettings, rng: np.random.Generator
) -> tuple[Band | None, Band | None]:
    """Return turnover and drawdown against their bands; None before `LEAST_ACCOUNT_D` days.

    The drawdown is looked at every day, so its band is that of a whole year (of the years begun): a bundle that does
    what its past lets expect leaves it once in a hundred years, not once in a hundred looks. And it is as wide as the
    days of this account are: how much is at risk is the volatility target's business, not a bundle's fault.
    """
    ends = np.flatnonzero(account.closes_ms % DAY_MS == 0)
    days = len(ends) - 1
    if expected is None or days < LEAST_ACCOUNT_D:
        return None, None
    own = np.diff(equity := account.equity[ends].astype(np.float64)) / equity[:-1]
    block = validation.bootstrap_block_d
    years_d = -(-days // YEAR_D) * YEAR_D
    worst = drawdown_band(_as_wide(expected.daily_returns, own), years_d, validation.drawdown_band, SAMPLES, block, rng)
    drawdown = Band(name="drawdown", found=largest_drawdown(own), low=0.0, high=worst, days=days)
    return _turnover(account, ends, expected, block, rng), drawdown


def _turnover(
    account: AccountRecord, ends: np.ndarray, expected: Expectation, block: float, rng: np.random.Generator
) -> Band | None:
    """Return how much of what is held is traded a day, against its band; None where the record does not know it.

    Of what is held, not of equity: how much that is follows the volatility target, the markets' own volatility and
    how many of them there are, none of which says anything of the bundle.
    """
    if not expected.daily_exposure.any():
        return None
    closes, equity = account.closes_ms[ends], account.equity[ends].astype(np.float64)
    traded = turnover_by_day(account.facts, account.unit_values, closes, equity).sum()
    held = exposure_by_day(account.exposure, account.closes_ms, closes).sum()
    days = len(ends) - 1
    low, high = ratio_band(expected.daily_turnover, expected.daily_exposure, days, 0.99, SAMPLES, block, rng)
    found = float(traded / held) if held > 0 else 0.0
    return Band(name="turnover of what is held, a day", found=found, low=low, high=high, days=days)
