"""Contiguous bars of one market with what a trainer reads of them, and labelled rows pooled over markets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strategies.market import CLOSE, OPEN, OPEN_MS, CandleArray, Timeframe


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
        found: np.ndarray = np.isfinite(self.sigma) & np.isfinite(self.volatility)
        return found

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
