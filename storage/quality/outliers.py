"""Bars that moved too far for their market, and whether another market saw the move.

Robust z: (x - median) / (1.4826 x MAD), both over the last 720 bars (median and MAD do not see the outlier itself).
Three lengths are judged: the close-to-close log return, the upper and the lower wick. A move that a reference (another
exchange or kind of the same asset, or BTC) made too is a real one, however large. Nothing is removed: a crash is data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from storage.lazy import lazily
from storage.quality.findings import Finding, listed
from strategies.market import CLOSE, HIGH, LOW, OPEN, OPEN_MS, CandleArray, Timeframe

with lazily():
    import pandas  # its rolling median is the fast one

WINDOW_BARS: Final = 720
LEAST_BARS: Final = 100  # bars before anything is judged
LEAST_MAD: Final = 1e-4  # log return; a pegged market's MAD is a tick or nothing
WICK_FACTOR: Final = 2.0  # wicks have one side and heavier tails: at z 40 about one a year in BTC, ETH, SOL futures
CONFIRMING_SHARE: Final = 0.25  # of the move, made by a reference within a bar of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Another market's candles of the same timeframe: (n, 6), and its name for people."""

    name: str
    candles: CandleArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """Outlying bars: their rows and the signed log length of each move."""

    rows: np.ndarray  # (k,) int64
    lengths: np.ndarray  # (k,) float64


def robust_z(values: np.ndarray, window: int = WINDOW_BARS) -> np.ndarray:
    """Return (n,) robust z of each value in its trailing window; 0 while fewer than `LEAST_BARS` are known."""
    series = pandas.Series(values)
    median = series.rolling(window, min_periods=LEAST_BARS).median()
    deviation = (series - median).abs().rolling(window, min_periods=LEAST_BARS).median()
    found: np.ndarray = ((series - median) / (1.4826 * deviation.clip(lower=LEAST_MAD))).fillna(0.0).to_numpy()
    return found


def outlying_moves(candles: CandleArray, timeframe: Timeframe, outlier_z: float) -> Moves:
    """Return the bars whose return or wick lies beyond `outlier_z` (wicks: twice that), ascending.

    Returns across a gap are not judged: the market had longer to move.
    """
    if len(candles) < LEAST_BARS:
        return Moves(rows=np.empty(0, np.int64), lengths=np.empty(0))
    log = np.log(candles[:, OPEN : CLOSE + 1])  # (n, 4): open, high, low, close
    returns = np.diff(log[:, 3], prepend=log[0, 3])
    returns[1:][np.diff(candles[:, OPEN_MS]) != timeframe.ms] = 0.0
    lengths = np.column_stack(
        [
            returns,
            log[:, 1] - np.maximum(log[:, 0], log[:, 3]),
            log[:, 2] - np.minimum(log[:, 0], log[:, 3]),
        ]
    )
    limits = outlier_z * np.array([1.0, WICK_FACTOR, WICK_FACTOR])
    excess = np.column_stack([np.abs(robust_z(column)) for column in lengths.T]) / limits
    rows = np.flatnonzero(excess.max(axis=1) > 1)
    worst = excess[rows].argmax(axis=1)
    return Moves(rows=rows, lengths=lengths[rows, worst])


def confirmed_by(
    candles: CandleArray, moves: Moves, references: Sequence[Reference], timeframe: Timeframe
) -> tuple[np.ndarray, np.ndarray]:
    """Say which moves a reference made too.

    Returns:
        confirmed (k,) bool: a reference went `CONFIRMING_SHARE` of the way, the same way, within one bar of it;
        judged (k,) bool: a reference has bars at that time.
    """
    times = candles[moves.rows, OPEN_MS]
    confirmed, judged = np.zeros(len(times), bool), np.zeros(len(times), bool)
    for reference in references:
        for shift in (-1, 0, 1):
            rows, known = _rows_at(reference.candles, times + shift * timeframe.ms)
            bars = reference.candles[rows]
            before = reference.candles[np.maximum(rows - 1, 0), CLOSE]
            reached = np.where(moves.lengths > 0, np.log(bars[:, HIGH] / before), np.log(bars[:, LOW] / before))
            confirmed |= known & (reached * np.sign(moves.lengths) >= CONFIRMING_SHARE * np.abs(moves.lengths))
            judged |= known & (shift == 0)
    return confirmed, judged


def check_outliers(
    candles: CandleArray, timeframe: Timeframe, references: Sequence[Reference], outlier_z: float
) -> list[Finding]:
    """Return the outlying bars: confirmed ones as a note, unconfirmed as quarantine, unjudged as a flag."""
    moves = outlying_moves(candles, timeframe, outlier_z)
    confirmed, judged = confirmed_by(candles, moves, references, timeframe)
    names = ", ".join(reference.name for reference in references) or "no other market"
    kinds = (
        ("outlier_confirmed", "note", confirmed, f"extreme moves that {names} made too: real, kept"),
        ("outlier_unconfirmed", "quarantine", judged & ~confirmed, f"extreme moves that {names} did not make"),
        ("outlier_unjudged", "flag", ~judged & ~confirmed, "extreme moves with no other market stored to compare"),
    )
    findings = []
    for check, severity, chosen, text in kinds:
        if chosen.any():
            times = candles[moves.rows[chosen], OPEN_MS].astype(np.int64)
            largest = moves.lengths[chosen][np.abs(moves.lengths[chosen]).argsort()[::-1][:1]]
            said = f"{chosen.sum()} {text} (largest {np.expm1(largest[0]):+.1%}): {listed(times)}"
            findings.append(Finding(check=check, severity=severity, times_ms=times, text=said))  # type: ignore[arg-type]
    return findings


def _rows_at(candles: CandleArray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if not len(candles):
        return np.zeros(len(times), np.int64), np.zeros(len(times), bool)
    rows = np.minimum(np.searchsorted(candles[:, OPEN_MS], times), len(candles) - 1)
    return rows, candles[rows, OPEN_MS] == times
