"""Bring other people's files into the store: all rows or none.

Files are read, put in order, checked against the timeframe and each other; only then is anything written. What was
done to the rows (sorted, exact duplicates dropped, off-grid rows left out) is said in notes, never silently.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from storage.candles.foreign_files import candles_of, funding_of, is_funding, read_table
from storage.candles.funding import require_funding
from storage.candles.rows import Appended, Source, broken_candles, moment
from storage.candles.store import CandleStore, StoredMarket
from strategies.errors import BadInput
from strategies.market import MINUTE_MS, OPEN_MS, CandleArray, Timeframe

OFF_GRID_TOLERANCE: Final = 1e-3  # exchanges stamp the first bar after an outage off the grid (Binance spot 2020-02-19)
_LISTED: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import did.

    Attributes:
        content: "candles" or "funding".
        rows: rows taken from the files, after exact duplicates and off-grid rows.
        first_ms: time of the first of them.
        last_ms: time of the last.
        appended: what became of them in the store.
        notes: what was done to the rows on the way, in words.
    """

    content: str
    rows: int
    first_ms: int
    last_ms: int
    appended: Appended
    notes: tuple[str, ...]


def import_files(store: CandleStore, market: StoredMarket, paths: Sequence[Path], now_ms: int) -> list[Imported]:
    """Add the candles and funding rates of files to one market.

    Args:
        store: where to.
        market: which market and timeframe they belong to; funding rates belong to its symbol.
        paths: parquet, feather or CSV files.
        now_ms: candles that close later than this are left out: they are still forming.

    Returns:
        One report for the candles and one for the funding rates, as far as there are any.

    Raises:
        BadInput: something is wrong with a file; nothing was written.
    """
    candles: list[CandleArray] = []
    funding: list[tuple[np.ndarray, np.ndarray]] = []
    notes: list[str] = []
    for path in paths:
        table = read_table(path)
        if is_funding(table):
            funding.append(_ordered_funding(*funding_of(table, path), path, notes))
        else:
            candles.append(_ordered_candles(candles_of(table, path), market.timeframe, path, notes))
    if funding and market.kind != "futures":
        raise BadInput(f"funding rates belong to futures; market {market.kind} was asked")
    joined_candles = _closed(_joined(candles, "candles", notes), market.timeframe, now_ms, notes) if candles else None
    joined_funding = _joined([np.column_stack(pair) for pair in funding], "funding rates", notes) if funding else None
    if joined_funding is not None:
        require_funding(*joined_funding.T)
    reports = []
    if joined_candles is not None and len(joined_candles):
        appended = store.append(
            market.exchange, market.symbol, market.timeframe, market.kind, joined_candles, Source.REAL
        )
        reports.append(_report("candles", joined_candles[:, OPEN_MS], appended, notes))
    if joined_funding is not None:
        times, rates = joined_funding.T
        appended = store.append_funding(market.exchange, market.symbol, times, rates)
        reports.append(_report("funding", times, appended, [] if reports else notes))
    return reports


def _ordered_candles(candles: CandleArray, timeframe: Timeframe, path: Path, notes: list[str]) -> CandleArray:
    broken = np.flatnonzero(broken_candles(candles))
    if len(broken):
        row = candles[broken[0]]
        values = ", ".join(f"{value:g}" for value in row[1:])
        raise BadInput(
            f"{path}: {len(broken)} of {len(candles)} candles are impossible, the first in row {broken[0] + 1} "
            f"(open, high, low, close, volume: {values}); "
            "a time and finite positive prices with low <= open, close <= high are needed"
        )
    candles = _unique(_sorted(candles, path, notes), str(path), "candles", notes)
    _require_step(candles[:, OPEN_MS], timeframe, path)
    off_grid = candles[:, OPEN_MS] % timeframe.ms != 0
    if off_grid.sum() > OFF_GRID_TOLERANCE * len(candles):
        first = moment(candles[off_grid.argmax(), OPEN_MS])
        raise BadInput(
            f"{path}: {off_grid.sum()} of {len(candles)} candles are off the {timeframe.value} grid, as {first}"
        )
    if off_grid.any():
        notes.append(f"{path.name}: left out {_listed(candles[off_grid, OPEN_MS])}, off the {timeframe.value} grid")
    return candles[~off_grid]


def _ordered_funding(
    times: np.ndarray, rates: np.ndarray, path: Path, notes: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    on_minute = (times + MINUTE_MS // 2) // MINUTE_MS * MINUTE_MS
    rows = _sorted(np.column_stack([on_minute, rates]), path, notes)
    rows = _unique(rows, str(path), "funding rates", notes)
    return rows[:, 0], rows[:, 1]


def _sorted(rows: np.ndarray, path: Path, notes: list[str]) -> np.ndarray:
    if (np.diff(rows[:, 0]) >= 0).all():
        return rows
    notes.append(f"{path.name}: rows were not in order of time; sorted")
    return rows[np.argsort(rows[:, 0], kind="stable")]


def _unique(rows: np.ndarray, where: str, what: str, notes: list[str]) -> np.ndarray:
    """Return the rows without exact duplicates; rows ascend, equal times are neighbours."""
    again = np.flatnonzero(np.diff(rows[:, 0]) == 0) + 1
    if not len(again):
        return rows
    differing = again[(rows[again] != rows[again - 1]).any(axis=1)]
    if len(differing):
        raise BadInput(f"{where}: {what} come twice with different values at {_listed(rows[differing, 0])}")
    notes.append(f"{where}: dropped {len(again)} exact duplicates")
    return np.delete(rows, again, axis=0)


def _require_step(open_ms: np.ndarray, timeframe: Timeframe, path: Path) -> None:
    if len(open_ms) < 2:
        return
    steps, counts = np.unique(np.diff(open_ms), return_counts=True)
    usual = int(steps[counts.argmax()])
    if usual != timeframe.ms:
        raise BadInput(f"{path}: candles are {_length(usual)} apart, {timeframe.value} was asked")


def _joined(parts: list[np.ndarray], what: str, notes: list[str]) -> np.ndarray:
    rows = np.concatenate(parts)
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    return _unique(rows, "between the files", what, notes)


def _closed(candles: CandleArray, timeframe: Timeframe, now_ms: int, notes: list[str]) -> CandleArray:
    closed = candles[:, OPEN_MS] + timeframe.ms <= now_ms
    if not closed.all():
        notes.append(f"left out {_listed(candles[~closed, OPEN_MS])}: not closed yet")
    return candles[closed]


def _report(content: str, times: np.ndarray, appended: Appended, notes: list[str]) -> Imported:
    return Imported(
        content=content,
        rows=len(times),
        first_ms=int(times[0]),
        last_ms=int(times[-1]),
        appended=appended,
        notes=tuple(notes),
    )


def _listed(times: np.ndarray) -> str:
    shown = ", ".join(moment(time) for time in times[:_LISTED])
    return shown + (f" and {len(times) - _LISTED} more" if len(times) > _LISTED else "")


def _length(milliseconds: int) -> str:
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)):
        if milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds} ms"
