"""Unusable series: too much of it missing, two timeframes mixed, prices in two units.

The fatal findings that the data check shows are the ones that stop a training or a backtest: one function for both.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from storage.candles.importing.grid import missing_share, mixture
from storage.candles.rows import moment
from storage.quality.findings import Finding
from strategies.market import CLOSE, OPEN, OPEN_MS, CandleArray, Timeframe

REDENOMINATED: Final = 5.0  # times; a market opens where it closed, another unit does not
_AROUND_BARS: Final = 24  # the new level must last, a bad print does not
_ALIKE: Final = 1.5  # times; how far the lasting level may be from the jump


def unusable(candles: CandleArray, timeframe: Timeframe, most_missing: float) -> list[Finding]:
    """Return the fatal findings of an ascending series of possible candles."""
    return [*check_missing(candles, timeframe, most_missing), *check_units(candles), *check_constant(candles)]


def check_missing(candles: CandleArray, timeframe: Timeframe, most: float) -> list[Finding]:
    """Return a finding when two timeframes are mixed, or more than a share of the bars is absent."""
    times = candles[:, OPEN_MS]
    if said := mixture(times, timeframe):
        text = f"{said}; sigma data list shows where they are from, sigma data delete undoes one"
        return [Finding(check="mixed_timeframes", severity="fatal", times_ms=times[:1].astype(np.int64), text=text)]
    share = missing_share(times, timeframe)
    if share <= most:
        return []
    longest = int(np.diff(times).argmax())
    text = (
        f"{share:.1%} of the {timeframe.value} bars from {moment(times[0])} to {moment(times[-1])} are missing, at "
        f"most {most:.0%} may be (data.missing_share); the longest gap begins after {moment(times[longest])}"
    )
    return [
        Finding(check="missing", severity="fatal", times_ms=times[longest : longest + 1].astype(np.int64), text=text)
    ]


def check_units(candles: CandleArray) -> list[Finding]:
    """Return a finding for every place where the price goes on in another unit: a redenomination or a split."""
    if len(candles) < 2:
        return []
    with np.errstate(divide="ignore", invalid="ignore"):
        jumps = candles[1:, OPEN] / candles[:-1, CLOSE]
    rows = np.flatnonzero((jumps >= REDENOMINATED) | (jumps <= 1 / REDENOMINATED)) + 1
    found = []
    for row in rows:
        before = float(np.median(candles[max(row - _AROUND_BARS, 0) : row, CLOSE]))
        after = float(np.median(candles[row : row + _AROUND_BARS, CLOSE]))
        jump = float(jumps[row - 1])
        if not 1 / _ALIKE < (after / before) / jump < _ALIKE:
            continue
        at, factor = moment(candles[row, OPEN_MS]), _round_factor(jump)
        mend = f"sigma data adjust --split {factor:g} --at {at.removesuffix(' UTC').replace(' ', 'T')}"
        text = (
            f"the price goes from {candles[row - 1, CLOSE]:g} to {candles[row, OPEN]:g} at {at} and stays, in "
            f"another unit; {mend} brings the older prices to it"
        )
        times = candles[row : row + 1, OPEN_MS].astype(np.int64)
        found.append(Finding(check="redenomination", severity="fatal", times_ms=times, text=text))
    return found


def check_constant(candles: CandleArray) -> list[Finding]:
    """Return a finding when the price never moves: a model of it is right always and worth nothing."""
    if len(candles) < _AROUND_BARS or np.ptp(candles[:, OPEN : CLOSE + 1]) > 0:
        return []
    times = candles[:1, OPEN_MS].astype(np.int64)
    text = f"the price is {candles[0, CLOSE]:g} in all {len(candles):,} bars: it never moves, there is nothing to learn"
    return [Finding(check="constant", severity="fatal", times_ms=times, text=text)]


def _round_factor(jump: float) -> float:
    """Return the factor that people meant: 1000 for 1003.2, 0.1 for 0.098, 5 for 5.03."""
    power = round(np.log10(jump))
    if abs(np.log10(jump) - power) < 0.15:
        return float(10.0**power)
    return float(round(jump)) if jump > 1 else 1.0 / round(1 / jump)
