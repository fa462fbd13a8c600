"""The data check: what is odd in a series of candles, how badly, and where.

Looks at rows as they are stored, sorted or not. Pure: arrays in, findings out; the command line reads and prints.
Only what makes a series unusable is fatal. Exchanges' outages, crashes and thin hours are real and are merely said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from storage.candles.gaps import FILLABLE_BARS, missing_before, segments
from storage.candles.rows import SOURCES, broken_candles, moment
from storage.quality.cross_timeframe import check_sums
from storage.quality.findings import SEVERITIES, Finding, listed
from storage.quality.outliers import Reference, check_outliers, robust_z
from storage.quality.unusable import unusable
from strategies.market import CLOSE, HIGH, LOW, OPEN, OPEN_MS, VOLUME, CandleArray, Timeframe

JUMP_FRACTION = 5e-4  # open against the previous close
VOLUME_Z = 8.0  # log volume


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From where on something is odd: the `[data]` section's numbers."""

    outlier_z: float = 20.0
    stale_bars: int = 12
    fillable_bars: int = FILLABLE_BARS
    missing_share: float = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the check says of one series.

    Attributes:
        rows: stored rows.
        expected: bars between the first and the last, if none were missing.
        missing: grid bars that are not there.
        segments: pieces between gaps too long to be filled.
        first_ms: open of the first bar; None when there are no rows.
        last_ms: open of the last.
        findings: the worst first.
    """

    rows: int
    expected: int = 0
    missing: int = 0
    segments: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    findings: tuple[Finding, ...] = field(default=())

    @property
    def is_fatal(self) -> bool:
        return any(finding.severity == "fatal" for finding in self.findings)

    def document(self) -> dict[str, object]:
        """Return JSON types."""
        return {
            "rows": self.rows,
            "expected": self.expected,
            "missing": self.missing,
            "segments": self.segments,
            "first_ms": self.first_ms,
            "last_ms": self.last_ms,
            "findings": [finding.document() for finding in self.findings],
        }


def check_candles(
    candles: CandleArray,
    timeframe: Timeframe,
    *,
    source: np.ndarray | None = None,
    references: Sequence[Reference] = (),
    coarser: Mapping[Timeframe, CandleArray] | None = None,
    limits: Limits | None = None,
) -> Report:
    """Check one series.

    Args:
        candles: (n, 6) float64 as stored.
        timeframe: of the series.
        source: (n,) uint8 of `Source`; None: all real.
        references: other markets that can confirm an extreme move.
        coarser: the same market's candles at longer timeframes.
        limits: from where on something is odd.
    """
    limits = limits or Limits()
    if not len(candles):
        return Report(rows=0)
    findings = [*_check_rows(candles), *_check_order(candles, timeframe), *_check_source(candles, source)]
    usable = _usable(candles, timeframe)
    if len(usable):
        findings += unusable(usable, timeframe, limits.missing_share)
        findings += _check_gaps(usable, timeframe, limits)
        findings += _check_idle(usable, timeframe, limits)
        findings += _check_steps(usable, timeframe)
        findings += check_outliers(usable, timeframe, references, limits.outlier_z)
        for coarse_timeframe, coarse in (coarser or {}).items():
            findings += check_sums(usable, timeframe, coarse, coarse_timeframe)
    times = usable[:, OPEN_MS]
    expected = int((times[-1] - times[0]) // timeframe.ms) + 1 if len(usable) else 0
    return Report(
        rows=len(candles),
        expected=expected,
        missing=expected - len(usable),
        segments=len(segments(usable, timeframe, limits.fillable_bars)),
        first_ms=int(times[0]) if len(usable) else None,
        last_ms=int(times[-1]) if len(usable) else None,
        findings=tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))),
    )


def _check_rows(candles: CandleArray) -> list[Finding]:
    broken = candles[broken_candles(candles)]
    times = broken[np.isfinite(broken[:, OPEN_MS]), OPEN_MS].astype(np.int64)
    text = f"{len(broken)} candles are impossible (NaN, price <= 0, volume < 0, or low <= open, close <= high broken)"
    return (
        [Finding(check="ohlc", severity="fatal", times_ms=times, text=f"{text}: {listed(times)}")]
        if len(broken)
        else []
    )


def _check_order(candles: CandleArray, timeframe: Timeframe) -> list[Finding]:
    times = candles[np.isfinite(candles[:, OPEN_MS]), OPEN_MS].astype(np.int64)
    findings = []
    off_grid = times[times % timeframe.ms != 0]
    if len(off_grid):
        text = f"{len(off_grid)} candles are off the {timeframe.value} grid: {listed(off_grid)}"
        findings.append(Finding(check="off_grid", severity="fatal", times_ms=off_grid, text=text))
    backwards = times[1:][np.diff(times) < 0]
    if len(backwards):
        text = f"time goes back at {len(backwards)} places: {listed(backwards)}"
        findings.append(Finding(check="order", severity="fatal", times_ms=backwards, text=text))
    values, counts = np.unique(times, return_counts=True)
    twice = values[counts > 1]
    if len(twice):
        text = f"{len(twice)} times are stored more than once: {listed(twice)}"
        findings.append(Finding(check="duplicates", severity="fatal", times_ms=twice, text=text))
    return findings


def _check_source(candles: CandleArray, source: np.ndarray | None) -> list[Finding]:
    findings = []
    for number, name in enumerate(SOURCES[1:], start=1):
        times = candles[source == number, OPEN_MS].astype(np.int64) if source is not None else np.empty(0, np.int64)
        if len(times):
            text = f"{len(times)} candles are marked {name}, from {moment(times.min())} to {moment(times.max())}"
            findings.append(Finding(check=f"source_{name}", severity="note", times_ms=times, text=text))
    return findings


def _usable(candles: CandleArray, timeframe: Timeframe) -> CandleArray:
    """Return the possible rows on the grid, ascending, the first of equal times."""
    kept = candles[~broken_candles(candles)]
    kept = kept[kept[:, OPEN_MS] % timeframe.ms == 0]
    _, first = np.unique(kept[:, OPEN_MS], return_index=True)
    found: CandleArray = kept[first]
    return found


def _check_gaps(candles: CandleArray, timeframe: Timeframe, limits: Limits) -> list[Finding]:
    missing = missing_before(candles[:, OPEN_MS], timeframe)
    findings = []
    short, long = (missing > 0) & (missing <= limits.fillable_bars), missing > limits.fillable_bars
    for check, severity, chosen, consequence in (
        ("gap_short", "note", short, "may be filled and marked"),
        ("gap_long", "flag", long, "segment borders"),
    ):
        if chosen.any():
            rows = np.flatnonzero(chosen)
            starts = (candles[rows - 1, OPEN_MS] + timeframe.ms).astype(np.int64)
            longest = int(missing[chosen].max())
            text = f"{len(rows)} gaps of {missing[chosen].sum()} bars in all (longest {longest}), {consequence}"
            text += f": {listed(starts)}"
            findings.append(Finding(check=check, severity=severity, times_ms=starts, text=text))  # type: ignore[arg-type]
    return findings


def _check_idle(candles: CandleArray, timeframe: Timeframe, limits: Limits) -> list[Finding]:
    if not candles[:, VOLUME].any():
        times = candles[:1, OPEN_MS].astype(np.int64)
        return [Finding(check="no_volume", severity="note", times_ms=times, text="every volume is 0 (a mark price?)")]
    findings = []
    idle = _runs(candles[:, VOLUME] == 0, candles, timeframe, 2)
    if len(idle):
        text = f"{len(idle)} stretches of 2 or more bars without volume: {listed(idle)}"
        findings.append(Finding(check="zero_volume", severity="flag", times_ms=idle, text=text))
    same_price = candles[:, CLOSE] == np.r_[np.nan, candles[:-1, CLOSE]]
    still = _runs(same_price & (candles[:, HIGH] == candles[:, LOW]), candles, timeframe, limits.stale_bars)
    if len(still):
        text = f"{len(still)} stretches of {limits.stale_bars} or more bars at one unchanged price: {listed(still)}"
        findings.append(Finding(check="stale", severity="flag", times_ms=still, text=text))
    return findings


def _check_steps(candles: CandleArray, timeframe: Timeframe) -> list[Finding]:
    findings = []
    jump = np.abs(np.log(candles[1:, OPEN] / candles[:-1, CLOSE])) > JUMP_FRACTION
    jump &= np.diff(candles[:, OPEN_MS]) == timeframe.ms
    times = candles[1:, OPEN_MS][jump].astype(np.int64)
    if len(times):
        text = f"{len(times)} bars open more than {JUMP_FRACTION:.2%} away from the previous close: {listed(times)}"
        findings.append(Finding(check="open_jump", severity="note", times_ms=times, text=text))
    traded = candles[candles[:, VOLUME] > 0]
    bursts = traded[np.abs(robust_z(np.log(traded[:, VOLUME]))) > VOLUME_Z, OPEN_MS].astype(np.int64)
    if len(bursts):
        text = f"{len(bursts)} bars with a volume far from usual: {listed(bursts)}"
        findings.append(Finding(check="volume", severity="flag", times_ms=bursts, text=text))
    return findings


def _runs(chosen: np.ndarray, candles: CandleArray, timeframe: Timeframe, least: int) -> np.ndarray:
    """Return the first times of runs of at least `least` chosen bars without a gap between them."""
    breaks = np.r_[True, np.diff(candles[:, OPEN_MS]) != timeframe.ms] | ~chosen
    borders = np.r_[np.flatnonzero(breaks | np.r_[True, ~chosen[:-1]]), len(chosen)]
    starts = [start for start, end in pairwise(borders.tolist()) if chosen[start] and end - start >= least]
    return candles[starts, OPEN_MS].astype(np.int64)
