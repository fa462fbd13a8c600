"""From stored candles to what a trainer eats: features, targets, label ends, deviations, per contiguous segment.

Features come from the same anchored blocks as in live and backtest, so a row here has the bits it will have there.
Gaps of up to three bars are bridged and marked; longer ones end a segment, and no window or label crosses its
border.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np

from storage.candles.resampled import read_symbol
from storage.candles.store import CandleStore, Source, StoredCandles, fill_gaps, segments
from strategies.errors import BadInput, DataGap
from strategies.features import FeatureSet, block_slices, compute, volatility
from strategies.market import CLOSE, OPEN, OPEN_MS, CandleArray, Timeframe
from training.data.labels import RETURN, Labelling

Gaps = Literal["split", "refuse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Contiguous bars of one market; all arrays have n rows.

    Attributes:
        symbol: canonical.
        candles: (n, 6) float64.
        source: (n,) uint8, `Source`.
        features: (n, F) float32.
        target: (n,) float64, volatility-scaled forward return; NaN where unknown.
        label_end_ms: (n,) int64.
        sigma: (n,) float64, per-bar deviation.
        volatility: (n,) float64, slow annual volatility; NaN where features have not warmed up.
        others: (n, K) float64 out-of-fold scores of `Dataset.others`, NaN where there is none; None: no columns.
    """

    symbol: str
    candles: CandleArray
    source: np.ndarray
    features: np.ndarray
    target: np.ndarray
    label_end_ms: np.ndarray
    sigma: np.ndarray
    volatility: np.ndarray
    others: np.ndarray | None = None

    @property
    def open_ms(self) -> np.ndarray:
        return self.candles[:, OPEN_MS].astype(np.int64)

    @property
    def open(self) -> np.ndarray:
        return self.candles[:, OPEN]

    @property
    def close(self) -> np.ndarray:
        return self.candles[:, CLOSE]

    def until(self, ms: int, timeframe: Timeframe) -> Segment | None:
        """Return the bars closed by a time, with the targets settled by the last of them; None: there are none."""
        count = int(np.searchsorted(self.open_ms, ms - timeframe.ms, side="right"))
        if not count:
            return None
        names = ("candles", "source", "features", "label_end_ms", "sigma", "volatility")
        arrays = {name: getattr(self, name)[:count] for name in names}
        settled = arrays["label_end_ms"] <= int(arrays["candles"][-1, OPEN_MS])
        others = None if self.others is None else self.others[:count]
        target = np.where(settled, self.target[:count], np.nan)
        return Segment(symbol=self.symbol, target=target, others=others, **arrays)

    @property
    def is_warm(self) -> np.ndarray:
        """(n,) bool: deviations are known; columns with longer memories may still be NaN."""
        return np.isfinite(self.sigma) & np.isfinite(self.volatility)

    def after(self, row: int) -> Segment:
        """Return the bars from `row` on."""
        arrays = ("candles", "source", "features", "target", "label_end_ms", "sigma", "volatility")
        others = None if self.others is None else self.others[row:]
        return Segment(symbol=self.symbol, others=others, **{name: getattr(self, name)[row:] for name in arrays})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Labelled rows pooled over markets, in market order, then time."""

    features: np.ndarray  # (n, F) float32
    target: np.ndarray  # (n,) float64
    open_ms: np.ndarray  # (n,) int64
    label_end_ms: np.ndarray  # (n,) int64
    weight: np.ndarray  # (n,) float32, mean 1 a market: by uniqueness

    def __len__(self) -> int:
        return len(self.target)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Everything that one training may see, frozen.

    Attributes:
        until_ms: no candle closes after this time.
        segments: in market order, then time.
        data_hash: sha256 over candles, sources, fingerprint, horizon and labelling.
        others: families whose out-of-fold scores stand beside the features; see `training/data/score_columns.py`.
    """

    exchange: str
    symbols: tuple[str, ...]
    timeframe: Timeframe
    features: FeatureSet
    horizon_bars: int
    until_ms: int
    segments: tuple[Segment, ...]
    data_hash: str
    others: tuple[str, ...] = ()
    labelling: Labelling = RETURN

    @property
    def from_ms(self) -> int:
        """Open of the first candle."""
        return min(int(segment.candles[0, OPEN_MS]) for segment in self.segments)

    def known_by(self, ms: int, *, every_bars: int = 1, phase: int = 0, since_ms: int | None = None) -> Rows:
        """Return the labelled rows whose label was settled by `ms`, pooled over markets.

        Args:
            ms: time at which the labels must be known; subtract the embargo before.
            every_bars: keep the rows whose bar number since the epoch is a multiple of this, so that rows do not
                shift when history grows.
            since_ms: earliest open.
        """
        masks = [self._mask(segment, ms, every_bars, phase, since_ms) for segment in self.segments]
        spans = [(part.open_ms[mask], part.label_end_ms[mask]) for part, mask in zip(self.segments, masks, strict=True)]
        return Rows(
            features=np.concatenate([part.features[mask] for part, mask in zip(self.segments, masks, strict=True)]),
            target=np.concatenate([part.target[mask] for part, mask in zip(self.segments, masks, strict=True)]),
            open_ms=np.concatenate([opens for opens, _ in spans]),
            label_end_ms=np.concatenate([ends for _, ends in spans]),
            weight=np.concatenate([self.labelling.weights(*span, self.timeframe) for span in spans]),
        )

    def since(self, ms: int) -> Dataset:
        """Return the dataset without the bars that open before `ms`; their features keep what they remember."""
        cut = [(segment, int(np.searchsorted(segment.open_ms, ms))) for segment in self.segments]
        return replace(self, segments=tuple(segment.after(row) for segment, row in cut if row < len(segment.target)))

    def until(self, ms: int) -> Dataset:
        """Return what was known at a time: candles closed by then, targets settled by the last of them.

        Features and deviations are causal and anchored, so they keep their bits.

        Raises:
            BadInput: no candle had closed by then.
        """
        parts = [part for segment in self.segments if (part := segment.until(ms, self.timeframe)) is not None]
        if not parts:
            raise BadInput(f"no candle had closed by {ms}; the first one opens {self.from_ms}")
        seen = f"{self.features.fingerprint} {self.horizon_bars} {self.timeframe.value}{self.labelling.key}"
        digest = hashlib.sha256(seen.encode())
        for part in parts:
            digest.update(part.symbol.encode() + part.candles.tobytes() + part.source.tobytes())
        last_ms = max(int(part.candles[-1, OPEN_MS]) for part in parts) + self.timeframe.ms
        return replace(self, segments=tuple(parts), until_ms=last_ms, data_hash=digest.hexdigest())

    def _mask(self, segment: Segment, ms: int, every_bars: int, phase: int, since_ms: int | None) -> np.ndarray:
        mask = np.isfinite(segment.target) & segment.is_warm & (segment.label_end_ms <= ms)
        mask &= segment.open_ms // self.timeframe.ms % every_bars == phase % every_bars
        return mask if since_ms is None else mask & (segment.open_ms >= since_ms)


def build(
    store: CandleStore,
    exchange: str,
    symbols: Sequence[str],
    timeframe: Timeframe,
    features: FeatureSet,
    until_ms: int | None = None,
    *,
    horizon_bars: int = 12,
    stitched: bool = True,
    gaps: Gaps = "split",
    kind: str = "futures",
    labelling: Labelling = RETURN,
) -> Dataset:
    """Read candles and return the dataset of one training.

    Args:
        store: where candles are.
        exchange: its name.
        symbols: pooled, in this order.
        timeframe: decision timeframe.
        features: which columns.
        until_ms: only candles closed by then; None: all.
        horizon_bars: of the target.
        stitched: keep the spot candles from before the future was listed.
        gaps: what to do with gaps of more than three bars among the market's own candles.
        kind: "futures" or "spot".
        labelling: what the closes are labelled with.

    Raises:
        BadInput: a symbol has no candles.
        DataGap: `gaps` is "refuse" and there is one.
    """
    end_ms = None if until_ms is None else until_ms - timeframe.ms + 1
    parts: list[Segment] = []
    seen = f"{features.fingerprint} {horizon_bars} {timeframe.value} {exchange}{labelling.key}"
    digest = hashlib.sha256(seen.encode())
    for symbol in symbols:
        stored = _own(read_symbol(store, exchange, symbol, timeframe, kind, end_ms), stitched)
        if not len(stored.candles):
            raise BadInput(f"{exchange} {symbol} {timeframe.value} {kind}: no candles; download or import some first")
        digest.update(symbol.encode() + stored.candles.tobytes() + stored.source.tobytes())
        parts += market_segments(symbol, stored, timeframe, features, horizon_bars, gaps, labelling)
    last_ms = max(int(part.candles[-1, OPEN_MS]) for part in parts) + timeframe.ms
    return Dataset(
        exchange=exchange,
        symbols=tuple(symbols),
        timeframe=timeframe,
        features=features,
        horizon_bars=horizon_bars,
        until_ms=last_ms,
        segments=tuple(parts),
        data_hash=digest.hexdigest(),
        labelling=labelling,
    )


def market_segments(
    symbol: str,
    stored: StoredCandles,
    timeframe: Timeframe,
    features: FeatureSet,
    horizon_bars: int,
    gaps: Gaps = "split",
    labelling: Labelling = RETURN,
) -> list[Segment]:
    """Return one market's contiguous segments, features and labels computed."""
    filled = fill_gaps(stored, timeframe)
    runs = segments(filled.candles, timeframe, max_bars=0)
    if gaps == "refuse":
        _refuse_gaps(symbol, filled, runs, timeframe)
    return [
        _segment(symbol, filled.candles[run], filled.source[run], timeframe, features, horizon_bars, labelling)
        for run in runs
    ]


def _segment(
    symbol: str,
    candles: CandleArray,
    source: np.ndarray,
    timeframe: Timeframe,
    features: FeatureSet,
    horizon_bars: int,
    labelling: Labelling,
) -> Segment:
    slices = block_slices(candles, timeframe)
    values = np.concatenate([compute(part.candles, features, timeframe)[part.first :] for part in slices])
    deviations = [volatility(part.candles, timeframe) for part in slices]
    sigma = np.concatenate([fast[part.first :] for part, (fast, _) in zip(slices, deviations, strict=True)])
    annual = np.concatenate([slow[part.first :] for part, (_, slow) in zip(slices, deviations, strict=True)])
    target, label_end_ms = labelling.label(candles, sigma, horizon_bars, timeframe)
    return Segment(
        symbol=symbol,
        candles=candles,
        source=source,
        features=values,
        target=target,
        label_end_ms=label_end_ms,
        sigma=sigma,
        volatility=annual,
    )


def _own(stored: StoredCandles, stitched: bool) -> StoredCandles:
    if stitched:
        return stored
    own = stored.source != Source.STITCHED_SPOT
    return StoredCandles(candles=stored.candles[own], source=stored.source[own])


def _refuse_gaps(symbol: str, filled: StoredCandles, runs: list[slice], timeframe: Timeframe) -> None:
    for before, after in pairwise(runs):
        if filled.source[before.stop - 1] == Source.STITCHED_SPOT:
            continue
        last, following = filled.candles[before.stop - 1, OPEN_MS], filled.candles[after.start, OPEN_MS]
        missing = int((following - last) // timeframe.ms) - 1
        raise DataGap(
            f"{symbol} {timeframe.value}: {missing} candles are missing after {int(last)}; at most 3 may be bridged. "
            "Download them, or allow gaps to split the history"
        )
