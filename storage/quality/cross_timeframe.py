"""Candles of one market at two timeframes must tell one story: 4h = 4 x 1h, prices exactly, volume to the lot."""

from __future__ import annotations

from typing import Final

import numpy as np

from storage.candles.rows import moment
from storage.quality.findings import Finding, listed
from strategies.market import CLOSE, HIGH, LOW, OPEN, OPEN_MS, VOLUME, CandleArray, Timeframe

# Binance's own archives differ in up to 1 of 1,000 bars (2023-11-10, 2024-03-27, 2024-10-28); wrong files in most.
TOLERATED_SHARE: Final = 0.01
VOLUME_DIGITS: Final = 8  # finest lot any market has; sums of doubles are compared after rounding to what is recorded


def aggregate(candles: CandleArray, fine: Timeframe, coarse: Timeframe) -> CandleArray:
    """Return the coarse candles whose every fine bar is present. Input ascends without duplicates."""
    if not len(candles):
        return candles
    opens = candles[:, OPEN_MS] // coarse.ms * coarse.ms
    starts = np.flatnonzero(np.r_[True, opens[1:] != opens[:-1]])
    ends = np.r_[starts[1:], len(candles)]
    joined = np.empty((len(starts), 6))
    joined[:, OPEN_MS] = opens[starts]
    joined[:, OPEN] = candles[starts, OPEN]
    joined[:, HIGH] = np.maximum.reduceat(candles[:, HIGH], starts)
    joined[:, LOW] = np.minimum.reduceat(candles[:, LOW], starts)
    joined[:, CLOSE] = candles[ends - 1, CLOSE]
    joined[:, VOLUME] = np.add.reduceat(candles[:, VOLUME], starts)
    found: CandleArray = joined[ends - starts == coarse.ms // fine.ms]
    return found


def check_sums(
    candles: CandleArray, timeframe: Timeframe, coarser: CandleArray, coarse_timeframe: Timeframe
) -> list[Finding]:
    """Compare a series with a coarser one of the same market: differing bars, fatal beyond `TOLERATED_SHARE`."""
    joined = aggregate(candles, timeframe, coarse_timeframe)
    times, ours, theirs = np.intersect1d(joined[:, OPEN_MS], coarser[:, OPEN_MS], return_indices=True)
    if not len(times):
        return []
    left, right = joined[ours], coarser[theirs]
    price_differs = (left[:, OPEN:VOLUME] != right[:, OPEN:VOLUME]).any(axis=1)
    volume_differs = np.abs(left[:, VOLUME] - right[:, VOLUME]) > _half_lot(right[:, VOLUME])
    differing = times[price_differs | volume_differs].astype(np.int64)
    if not len(differing):
        return []
    fatal = len(differing) > TOLERATED_SHARE * len(times)
    return [
        Finding(
            check="cross_timeframe",
            severity="fatal" if fatal else "quarantine",
            times_ms=differing,
            text=f"{len(differing)} of {len(times)} {coarse_timeframe.value} candles since {moment(times[0])} "
            f"are not the sum of their {timeframe.value} candles: {listed(differing)}",
        )
    ]


def _half_lot(volumes: np.ndarray) -> float:
    """Return half of the smallest decimal step in which the volumes are recorded."""
    for digits in range(VOLUME_DIGITS):
        if (np.round(volumes, digits) == volumes).all():
            return float(0.5 * 10.0**-digits)
    return float(0.5 * 10.0**-VOLUME_DIGITS)
