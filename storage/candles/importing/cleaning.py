"""Rows put in order: empty ones left out, exact doubles dropped, impossible ones refused or, when asked, left out."""

from __future__ import annotations

from typing import Final

import numpy as np

from storage.candles.importing.sheet import Options
from storage.candles.rows import broken_candles, moment
from strategies.errors import BadInput
from strategies.market import CLOSE, HIGH, LOW, OPEN, OPEN_MS, VOLUME, CandleArray, Timeframe

OFF_GRID_TOLERANCE: Final = 1e-3  # exchanges stamp the first bar after an outage off the grid (Binance spot 2020-02-19)
ROUNDING: Final = 2e-4  # of the price: high or low short of open or close by this is somebody's rounding
_LISTED: Final = 5
_SKEW_MS: Final = 300_000  # a forming candle of an exchange whose clock is ahead of ours
_FIRST_COIN_MS: Final = 1_230_940_800_000  # 2009-01-03
_OTHER_MARKET: Final = 0.01  # prices further apart at one time are of two markets


def no_price(name: str, rows: int) -> str:
    """Return what is said of a file whose rows hold no price."""
    return f"{name} has {rows} rows and no price in any"


def without_empty(candles: CandleArray, name: str, notes: list[str]) -> CandleArray:
    """Return the rows that have prices: a row without any is a bar without trades, as archives write it."""
    if not np.isnan(candles[:, OPEN]).any():
        return candles
    empty = np.isnan(candles[:, OPEN:VOLUME]).all(axis=1)
    if empty.all():
        raise BadInput(no_price(name, len(candles)))
    if empty.any():
        notes.append(f"left out {empty.sum():,} rows without prices")
    found: CandleArray = candles[~empty]
    return found


def sound(candles: CandleArray, name: str, options: Options, notes: list[str]) -> CandleArray:
    """Return the rows whose values are possible; highs and lows short by a rounding are widened.

    Raises:
        BadInput: more rows are impossible than `drop_bad` allows.
    """
    candles = _widened(candles, notes)
    broken = np.flatnonzero(broken_candles(candles))
    if not len(broken):
        return candles
    if len(broken) <= options.drop_bad:
        notes.append(f"left out {len(broken)} impossible rows as allowed, the first is row {broken[0] + 1}")
        return np.delete(candles, broken, axis=0)
    row = candles[broken[0]]
    values = ", ".join(f"{value:g}" for value in row[1:])
    raise BadInput(
        f"{name}: {len(broken)} of {len(candles)} candles are impossible, the first in row {broken[0] + 1} "
        f"(open, high, low, close, volume: {values}): {_why(row)}; --drop-bad {len(broken)} leaves them out"
    )


def _why(row: np.ndarray) -> str:
    if not np.isfinite(row[OPEN_MS]):
        return "it has no time"
    if np.isnan(row[VOLUME]) and np.isfinite(row[OPEN:VOLUME]).all():
        return "the volume is empty"
    if not np.isfinite(row[OPEN:]).all():
        return "a value is empty or infinite"
    if (row[OPEN:VOLUME] <= 0).any():
        return "a price is not above zero"
    if row[VOLUME] < 0:
        return "the volume is below zero"
    return "low <= open, close <= high is needed"


def _widened(candles: CandleArray, notes: list[str]) -> CandleArray:
    top = np.maximum(candles[:, OPEN], candles[:, CLOSE])
    bottom = np.minimum(candles[:, OPEN], candles[:, CLOSE])
    with np.errstate(invalid="ignore"):
        over = np.maximum(top - candles[:, HIGH], candles[:, LOW] - bottom)
        short = (over > 0) & (over <= ROUNDING * bottom) & (candles[:, LOW] > 0)
    if not short.any():
        return candles
    candles = candles.copy()
    candles[short, HIGH] = np.maximum(candles[short, HIGH], top[short])
    candles[short, LOW] = np.minimum(candles[short, LOW], bottom[short])
    notes.append(f"widened high or low of {short.sum()} rows by a rounding (at most {over[short].max():g})")
    return candles


def in_order(rows: np.ndarray, notes: list[str]) -> np.ndarray:
    """Return the rows ascending by time, equal times in the file's order."""
    if (np.diff(rows[:, 0]) >= 0).all():
        return rows
    if (np.diff(rows[:, 0]) <= 0).all():
        notes.append("newest first; sorted")
        return rows[::-1]
    notes.append("rows were not in order of time; sorted")
    return rows[np.argsort(rows[:, 0], kind="stable")]


def unique(rows: np.ndarray, where: str, what: str, keep: str, notes: list[str]) -> np.ndarray:
    """Return ascending rows with every time once.

    Raises:
        BadInput: a time comes with different values and `keep` does not say which counts.
    """
    again = np.flatnonzero(np.diff(rows[:, 0]) == 0) + 1
    if not len(again):
        return rows
    differing = again[(rows[again] != rows[again - 1]).any(axis=1)]
    _require_one_market(rows, differing, where, what)
    if len(differing) and not keep:
        raise BadInput(
            f"{where}: {what} come twice with different values at {listed(rows[differing, 0])}; "
            "--keep last or --keep first says which count"
        )
    dropped = again if keep != "last" else again - 1
    if len(differing):
        notes.append(f"{where}: {len(differing)} times came with different values, kept the {keep}")
    notes.append(f"{where}: dropped {len(again)} exact duplicates") if len(again) > len(differing) else None
    return np.delete(rows, dropped, axis=0)


def _require_one_market(rows: np.ndarray, differing: np.ndarray, where: str, what: str) -> None:
    """Refuse a file where two prices stand at many times: no choice of first or last makes one series of two."""
    if rows.shape[1] < 6 or len(differing) < max(3, 0.2 * len(np.unique(rows[:, 0]))):
        return
    apart = np.abs(np.log(rows[differing, CLOSE] / rows[differing - 1, CLOSE]))
    if np.median(apart) > _OTHER_MARKET:
        raise BadInput(
            f"{where}: {len(differing):,} {what} come twice with prices {np.expm1(np.median(apart)):.1%} apart, the "
            f"first at {moment(rows[differing[0], 0])}: two markets without a column that tells them apart; split it"
        )


def on_grid(candles: CandleArray, timeframe: Timeframe, name: str, notes: list[str]) -> CandleArray:
    """Return the rows on the timeframe's grid; BadInput when more than a few are not."""
    off_grid = candles[:, OPEN_MS].astype(np.int64) % timeframe.ms != 0
    if off_grid.sum() > OFF_GRID_TOLERANCE * len(candles):
        first = moment(candles[off_grid.argmax(), OPEN_MS])
        raise BadInput(
            f"{name}: {off_grid.sum()} of {len(candles)} candles are off the {timeframe.value} grid, as {first}; "
            "times must be opens in UTC: --timezone says whose clock it is"
        )
    if off_grid.any():
        notes.append(f"left out {listed(candles[off_grid, OPEN_MS])}, off the {timeframe.value} grid")
        candles = candles[~off_grid]
    return candles


def require_past(candles: CandleArray, timeframe: Timeframe, now_ms: int, name: str, *, is_naive: bool) -> None:
    """Refuse candles that open in the future: the clock or the unit is another one.

    Raises:
        BadInput: with the last of them, and the way out.
    """
    ahead = int((candles[:, OPEN_MS] > now_ms + _SKEW_MS).sum())
    if not ahead:
        return
    why = "--timezone says whose clock it is" if is_naive else "the unit or the clock of the times is another one"
    raise BadInput(
        f"{name}: {ahead:,} of {len(candles):,} candles lie in the future, the last opens "
        f"{moment(candles[-1, OPEN_MS])} and now it is {moment(now_ms // 60_000 * 60_000)}; {why}"
    )


def require_age(ms: np.ndarray, column: str, name: str, options: Options) -> None:
    """Refuse times from before the first coin: .NET ticks, two-digit years and other units look so.

    Raises:
        BadInput: with the earliest.
    """
    known = ms[np.isfinite(ms)]
    if len(known) and known.min() < _FIRST_COIN_MS and not options.override_evidence:
        raise BadInput(
            f"{name}: by column {column!r} the candles begin {moment(known.min())}, before any coin was traded; the "
            "times are of another unit or order (--columns time=NAME, --dates), or --override-evidence takes them"
        )


def closed(candles: CandleArray, timeframe: Timeframe, now_ms: int, notes: list[str]) -> CandleArray:
    """Return the rows that have closed."""
    done = candles[:, OPEN_MS] + timeframe.ms <= now_ms
    if not done.all():
        notes.append(f"left out {listed(candles[~done, OPEN_MS])}: not closed yet")
        candles = candles[done]
    return candles


def listed(times: np.ndarray) -> str:
    """Return the first few times as people read them."""
    shown = ", ".join(moment(time) for time in times[:_LISTED])
    return shown + (f" and {len(times) - _LISTED} more" if len(times) > _LISTED else "")
