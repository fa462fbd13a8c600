"""Bundle: one production model, predictors, frozen scales, calibration and manifest, immutable and content-addressed.

On the main path it turns anchored slices into votes and the blended score; smoothing and trading happen elsewhere.
A bundle is a folder of UBJSON, ONNX, JSON and plain .npy files. Nothing here unpickles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from strategies.bundle.calibration import Calibration
from strategies.bundle.ensemble import agreement, blend, join
from strategies.bundle.fallback_names import TREND_ID
from strategies.bundle.files import (
    PROBE_CANDLES,
    PROBE_SCORES,
    bundle_id,
    check_files,
    read_folder,
    read_manifest,
    read_npy,
)
from strategies.bundle.manifest import Manifest
from strategies.errors import BundleRefused
from strategies.features import AnchoredSlice, FeatureSet, compute, feature_set, volatility
from strategies.market import CandleArray, Timeframe
from strategies.predictors.base import Predictor, PreparedSlice
from strategies.predictors.load import load_predictor
from strategies.predictors.together import reads_of, score_all
from strategies.predictors.trend import DEVIATION, TrendPredictor
from strategies.predictors.trend import FAMILY as TREND

__all__ = ["Bundle", "BundleRefused", "Inputs", "Manifest", "PreparedSlice", "Probes", "load", "trend_bundle"]

PROBES: Final = 32
PROBE_TOLERANCE: Final = 1e-5  # unit deviations; other processors may round the last bits otherwise
PPO: Final = "ppo"  # the family that joins after smoothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a bundle says about the rows asked for; arrays have one row each.

    Attributes:
        votes: (rows, K) float64, standardised scores in the order of the manifest's families; NaN: absent.
        blended: (rows,) mean standardised score before smoothing; NaN: nobody voted.
        sigma: (rows,) per-bar deviation.
        volatility: (rows,) slow annual volatility.
        joined: (rows,) PPO's vote where it joins the conviction after smoothing; NaN where it does not.
    """

    votes: np.ndarray
    blended: np.ndarray
    sigma: np.ndarray
    volatility: np.ndarray
    joined: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """Recorded decisions on recorded candles: a bundle that loads but scores differently is refused.

    Attributes:
        candles: (n, 6) float64, one anchored slice; the last `PROBES` rows were scored.
        scores: (PROBES, K + 1) float64: votes, then the blended score.
    """

    candles: CandleArray
    scores: np.ndarray

    @property
    def slice(self) -> AnchoredSlice:
        return AnchoredSlice(candles=self.candles, first=len(self.candles) - PROBES)


class Bundle:
    """All that is needed to score markets.

    Args:
        bundle_id: content address, or `trend-1`.
        manifest: scales, calibration, origin.
        features: the set that the predictors were trained on; None: they read candles only.
        predictors: one per family, in the manifest's order.
    """

    def __init__(
        self, bundle_id: str, manifest: Manifest, features: FeatureSet | None, predictors: Sequence[Predictor]
    ) -> None:
        found = tuple(predictor.family for predictor in predictors)
        if found != manifest.families:
            raise BundleRefused(f"bundle {bundle_id} has predictors {found}, its manifest names {manifest.families}")
        if (reads := reads_of(predictors)) != manifest.ppo_reads:
            raise BundleRefused(
                f"bundle {bundle_id} has a PPO that reads {reads}, its manifest names {manifest.ppo_reads}"
            )
        self.id = bundle_id
        self.manifest = manifest
        self.features = features
        self.predictors = tuple(predictors)
        self._weights = np.array([manifest.weights[family] for family in manifest.families])
        self._deviations = np.array([manifest.deviations[family] for family in manifest.families])

    @property
    def calibration(self) -> Calibration:
        return self.manifest.calibration

    @property
    def hold_bars(self) -> int:
        """How many decision candles a position is expected to last; expected returns speak of this time."""
        return self.calibration.hold_bars or self.manifest.horizon_bars

    def prepare(self, slice: AnchoredSlice, symbol: str) -> PreparedSlice:
        """Compute everything that the predictors read of an anchored slice.

        Raises:
            DataGap: the slice is not contiguous.
        """
        timeframe = self.manifest.timeframe
        sigma, annual = volatility(slice.candles, timeframe)
        empty = np.empty((len(slice.candles), 0), np.float32)
        return PreparedSlice(
            candles=slice.candles,
            features=empty if self.features is None else compute(slice.candles, self.features, timeframe, sigma),
            sigma=sigma,
            volatility=annual,
            first=slice.first,
            symbol=symbol,
        )

    def decision_inputs(self, prepared: Sequence[PreparedSlice]) -> list[Inputs]:
        """Return votes, blend and deviations of the rows asked for, slice by slice; one call per predictor for all."""
        if not prepared:
            return []
        scores = score_all(self.predictors, prepared)  # K lists of (rows,)
        return [
            self._inputs(part, np.stack([family[index] for family in scores], axis=1))
            for index, part in enumerate(prepared)
        ]

    def newest_inputs(self, prepared: Sequence[PreparedSlice | None]) -> Inputs:
        """Return the newest row of every market, (M,); NaN where there is nothing to score."""
        markets = len(prepared)
        votes = np.full((markets, len(self.manifest.families)), np.nan)
        blended, sigma, volatility, joined = (np.full(markets, np.nan) for _ in range(4))
        there = [index for index, part in enumerate(prepared) if part is not None]
        scored = self.decision_inputs([part for part in prepared if part is not None])
        for index, part in zip(there, scored, strict=True):
            votes[index], blended[index] = part.votes[-1], part.blended[-1]
            sigma[index], volatility[index], joined[index] = part.sigma[-1], part.volatility[-1], part.joined[-1]
        return Inputs(votes=votes, blended=blended, sigma=sigma, volatility=volatility, joined=joined)

    def conviction(self, smoothed: np.ndarray | float, joined: np.ndarray | float = np.nan) -> np.ndarray:
        """Return smoothed scores in unit out-of-fold deviations, joined by PPO's votes where there are any."""
        return join(self.calibration.conviction(smoothed), np.asarray(joined), self.manifest.ppo_weight)

    def agreement(self, conviction: np.ndarray, joined: np.ndarray) -> np.ndarray:
        """Return how far PPO agrees with the sides of convictions, -1..1; 0 where it has not joined."""
        return agreement(conviction, joined * self.manifest.deviations.get(PPO, 0.0))

    def expected_return(self, conviction: np.ndarray | float, sigma: np.ndarray | float) -> np.ndarray:
        """Return the shrunk expected return over the expected hold, a fraction; NaN for the trend rule."""
        return self.calibration.expected_return(conviction, sigma, self.manifest.horizon_bars)

    def probe(self, candles: CandleArray) -> Probes:
        """Score the last `PROBES` rows of a slice for the record."""
        rows = AnchoredSlice(candles=candles, first=len(candles) - PROBES)
        [inputs] = self.decision_inputs([self.prepare(rows, self.manifest.symbols[0])])
        return Probes(candles=candles, scores=np.column_stack([inputs.votes, inputs.blended]))

    def _inputs(self, part: PreparedSlice, scores: np.ndarray) -> Inputs:
        votes = scores / self._deviations
        blended = blend(votes, self._weights)
        joins = self.manifest.ppo_weight > 0.0 and PPO in self.manifest.families
        return Inputs(
            votes=votes,
            blended=blended,
            sigma=part.sigma[part.first :],
            volatility=part.volatility[part.first :],
            joined=votes[:, self.manifest.families.index(PPO)] if joins else np.full(len(votes), np.nan),
        )


def load(folder: Path | str, *, verify: bool = True, exchange: str | None = None) -> Bundle:
    """Read a bundle from its folder.

    Args:
        folder: holds manifest.json and the files it names; its name is the bundle's id.
        verify: check checksums, id and the recorded probes. The fingerprint is always checked.
        exchange: whose candles it will score; None: not checked.

    Raises:
        BundleRefused: something is missing, damaged or does not belong here.
    """
    folder = Path(folder)
    return assemble(read_folder(folder), folder.name, verify=verify, exchange=exchange)


def assemble(files: Mapping[str, bytes], name: str, *, verify: bool = True, exchange: str | None = None) -> Bundle:
    """Return the bundle of files already read; `load` without the folder."""
    manifest = read_manifest(files, name)
    if exchange is not None and manifest.exchange not in ("", exchange):
        raise BundleRefused(f"bundle {name} learnt from {manifest.exchange}, this daemon trades {exchange}")
    if not manifest.symbols or not manifest.families:
        missing = "symbols" if manifest.families else "families"
        raise BundleRefused(f"bundle {name} names no {missing} in its manifest; at least one is needed")
    if verify:
        check_files(files, manifest, name)
    features = _features(manifest, name)
    predictors = [load_predictor(family, files, features) for family in manifest.families]
    bundle = Bundle(bundle_id(files), manifest, features, predictors)
    if verify:
        _check_probes(bundle, files, name)
    return bundle


def trend_bundle(timeframe: Timeframe = Timeframe.H1, *, allow_short: bool = False) -> Bundle:
    """Return the Donchian rule as a bundle without files: trades while nothing has passed, expects no return."""
    manifest = Manifest(
        exchange="",
        symbols=(),
        timeframe=timeframe,
        horizon_bars=12,
        smoothing_span=12,
        families=(TREND,),
        weights={TREND: 1.0},
        deviations={TREND: 1.0},
        calibration=Calibration(conviction_deviation=DEVIATION),
        recipe="donchian-ensemble",
        cost_filter=False,
    )
    return Bundle(TREND_ID, manifest, None, [TrendPredictor(timeframe, allow_short)])


def _features(manifest: Manifest, name: str) -> FeatureSet:
    features = feature_set(manifest.feature_extra, manifest.feature_groups, manifest.timeframe)
    if features.fingerprint != manifest.fingerprint:
        raise BundleRefused(
            f"bundle {name} was trained on features {manifest.fingerprint}, "
            f"this version computes {features.fingerprint}; retrain it"
        )
    return features


def _check_probes(bundle: Bundle, files: Mapping[str, bytes], name: str) -> None:
    candles, recorded = read_npy(files, PROBE_CANDLES, name), read_npy(files, PROBE_SCORES, name)
    scores = bundle.probe(candles).scores
    if not np.isfinite(scores).all():
        found = int(np.isfinite(scores).all(axis=1).sum())
        raise BundleRefused(f"bundle {name} scores {found} of its {PROBES} probes with numbers; all are needed")
    if scores.shape != recorded.shape or not np.allclose(
        scores, recorded, rtol=0.0, atol=PROBE_TOLERANCE, equal_nan=True
    ):
        raise BundleRefused(
            f"bundle {name} does not repeat its {PROBES} recorded probes; it broke or was built elsewhere"
        )
