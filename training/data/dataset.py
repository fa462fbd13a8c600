"""Dataset: stored candles as features, targets, label ends and deviations, per contiguous segment.

Features come from the same anchored blocks as in live and backtest, so a row here has the bits it will have there.
Gaps of up to three bars are bridged and marked; longer ones end a segment, and no window or label crosses its
border.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from storage.candles.resampled import read_symbol
from storage.candles.store import CandleStore, StoredCandles
from strategies.errors import BadInput
from strategies.features import FeatureSet
from strategies.market import OPEN_MS, Timeframe
from training.data.choices import Gaps, Reading, Teaching
from training.data.columns import Making, columns_of
from training.data.labels import RETURN, Labelling
from training.data.market_runs import MarketRun, runs_of, without_spot
from training.data.segment import Rows, Segment
from training.data.thinning import every_nth

__all__ = ["Dataset", "Rows", "Segment", "build", "market_segments"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Everything that one training may see, frozen.

    Attributes:
        until_ms: no candle closes after this time.
        segments: in market order, then time.
        data_hash: sha256 over candles, sources, fingerprint, horizons and labelling.
        horizons: bars ahead of every forecast of a family; the first is `horizon_bars`, that of `Segment.target`.
        taught_by: markets whose rows teach; the others are only scored. None: all.
        thinning: see `training/data/thinning.py`; 0: every bar of a large pool teaches as one of a small.
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
    horizons: tuple[int, ...] = ()
    taught_by: tuple[str, ...] | None = None
    thinning: float = 0.0

    @property
    def all_horizons(self) -> tuple[int, ...]:
        """The horizons that a family learns, the shortest first; one where none were named."""
        return self.horizons or (self.horizon_bars,)

    @property
    def teachers(self) -> tuple[str, ...]:
        """The markets that teach."""
        return self.symbols if self.taught_by is None else self.taught_by

    def taught(self, without: Sequence[str] = ()) -> Dataset:
        """Return the part that teaches, some markets left out.

        Raises:
            BadInput: nothing is left.
        """
        chosen = tuple(symbol for symbol in self.teachers if symbol not in without)
        if not chosen:
            raise BadInput(f"no market is left to teach: {', '.join(self.teachers)} are all left out")
        if chosen == self.symbols:
            return self
        parts = tuple(segment for segment in self.segments if segment.symbol in chosen)
        return replace(self, symbols=chosen, segments=parts, taught_by=None)

    def step_of(self, least: int) -> int:
        """Return n: every n-th bar teaches in a pool of this size."""
        return every_nth(least, len(self.teachers), self.thinning)

    @property
    def from_ms(self) -> int:
        """Open of the first candle."""
        return min(int(segment.candles[0, OPEN_MS]) for segment in self.segments)

    def known_by(
        self,
        ms: int,
        *,
        every_bars: int = 1,
        phase: int = 0,
        since_ms: int | None = None,
        horizon_bars: int | None = None,
    ) -> Rows:
        """Return the labelled rows whose label was settled by `ms`, pooled over markets.

        Args:
            ms: time at which the labels must be known; subtract the embargo before.
            every_bars: keep the rows whose bar number since the epoch is a multiple of this, so that rows do not
                shift when history grows.
            since_ms: earliest open.
            horizon_bars: of the labels; None: the dataset's.
        """
        parts = [self._labelled(segment, horizon_bars) for segment in self.segments]
        masks = [self._mask(segment, ms, every_bars, phase, since_ms) for segment in parts]
        spans = [(part.open_ms[mask], part.label_end_ms[mask]) for part, mask in zip(parts, masks, strict=True)]
        return Rows(
            features=np.concatenate([part.features[mask] for part, mask in zip(parts, masks, strict=True)]),
            target=np.concatenate([part.target[mask] for part, mask in zip(parts, masks, strict=True)]),
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

    def _labelled(self, segment: Segment, horizon_bars: int | None) -> Segment:
        if horizon_bars in (None, self.horizon_bars):
            return segment
        target, label_end_ms = self.labelling.label(segment.candles, segment.sigma, horizon_bars, self.timeframe)
        return replace(segment, target=target, label_end_ms=label_end_ms)

    def _mask(self, segment: Segment, ms: int, every_bars: int, phase: int, since_ms: int | None) -> np.ndarray:
        mask = np.isfinite(segment.target) & segment.is_warm & (segment.label_end_ms <= ms)
        mask &= segment.open_ms // self.timeframe.ms % every_bars == phase % every_bars
        found: np.ndarray = mask if since_ms is None else mask & (segment.open_ms >= since_ms)
        return found


def build(
    store: CandleStore,
    exchange: str,
    symbols: Sequence[str],
    timeframe: Timeframe,
    features: FeatureSet,
    until_ms: int | None = None,
    *,
    reading: Reading = Reading(),
    teaching: Teaching = Teaching(),
) -> Dataset:
    """Read candles and return the dataset of one training.

    Args:
        store: where candles are.
        exchange: its name.
        symbols: pooled, in this order.
        timeframe: decision timeframe.
        features: which columns.
        until_ms: only candles closed by then; None: all.
        reading: which stored candles count.
        teaching: what is to be learnt.

    Raises:
        BadInput: a symbol has no candles.
        DataGap: `gaps` is "refuse" and there is one.
    """
    end_ms = None if until_ms is None else until_ms - timeframe.ms + 1
    runs: list[MarketRun] = []
    horizon_bars, labelling, kind = teaching.horizon_bars, teaching.labelling, reading.kind
    seen = f"{features.fingerprint} {horizon_bars} {timeframe.value} {exchange}{labelling.key}"
    learnt = tuple(teaching.horizons) or (horizon_bars,)
    seen += "" if learnt == (horizon_bars,) else f" {learnt}"
    digest = hashlib.sha256(seen.encode())
    for symbol in symbols:
        stored = without_spot(read_symbol(store, exchange, symbol, timeframe, kind, end_ms), reading.stitched)
        if not len(stored.candles):
            raise BadInput(
                f"{exchange} {symbol} {timeframe.value} {kind}: found no candles; download or import some first"
            )
        digest.update(symbol.encode() + stored.candles.tobytes() + stored.source.tobytes())
        runs += runs_of(symbol, stored, timeframe, reading.gaps_of(symbol))
    parts = _segments(runs, timeframe, features, horizon_bars, labelling, reading.making)
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
        horizons=learnt,
        taught_by=None if teaching.taught_by is None else tuple(teaching.taught_by),
        thinning=teaching.thinning,
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
    return _segments(runs_of(symbol, stored, timeframe, gaps), timeframe, features, horizon_bars, labelling)


def _segments(
    runs: Sequence[MarketRun],
    timeframe: Timeframe,
    features: FeatureSet,
    horizon_bars: int,
    labelling: Labelling,
    making: Making | None = None,
) -> list[Segment]:
    columns = columns_of([run.candles for run in runs], features, timeframe, making)
    parts = []
    for run, own in zip(runs, columns, strict=True):
        target, label_end_ms = labelling.label(run.candles, own["sigma"], horizon_bars, timeframe)
        parts.append(
            Segment(
                symbol=run.symbol,
                candles=run.candles,
                source=run.source,
                target=target,
                label_end_ms=label_end_ms,
                **own,
            )
        )
    return parts
