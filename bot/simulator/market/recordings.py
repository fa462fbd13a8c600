"""Recordings: the parquet files a replay is made of, and the grid their numbers lie on."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bot.simulator.market.source import EMPTY
from strategies.errors import BadInput
from strategies.market import HOUR_MS, MINUTE_MS, OPEN_MS, CandleArray

_PRICES_AND_VOLUME: Final = ("open", "high", "low", "close", "volume")
_TIME_NAMES: Final = ("open_ms", "timestamp")
_MOST_DIGITS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """The candles of one market as they were stored."""

    minutes: CandleArray
    hours: CandleArray

    def digits(self, first: int, last: int) -> int:
        """Return the digits after the point that columns first..last-1 of the minutes need."""
        return _digits(self.minutes[:, first:last])

    def hour_digits(self, first: int, last: int) -> int:
        """Return the digits after the point that columns first..last-1 of the hours need."""
        return _digits(self.hours[:, first:last])

    def step(self, first: int, last: int, since_ms: int) -> Decimal:
        """Return the power of ten on whose grid columns first..last-1 of the minutes lie; where there are none, those
        of the hours from `since_ms` on."""
        if len(self.minutes):
            return Decimal(1).scaleb(-self.digits(first, last))
        recent = self.hours[self.hours[:, OPEN_MS] >= since_ms, first:last]
        return Decimal(1).scaleb(-_digits(recent))

    @property
    def first_ms(self) -> int:
        """Open of the first candle."""
        return int(min(part[0, OPEN_MS] for part in (self.minutes, self.hours) if len(part)))

    @property
    def end_ms(self) -> int:
        """Close of the last candle."""
        steps = ((self.minutes, MINUTE_MS), (self.hours, HOUR_MS))
        return int(max(part[-1, OPEN_MS] + step_ms for part, step_ms in steps if len(part)))


def read_candles(folder: Path, symbol: str, *, hours_do: bool = False) -> Recording:
    """Return the 1m and 1h candles of a market; the hours may be missing, with `hours_do` the minutes instead.

    Raises:
        BadInput: no minutes, or a file that is no candle table.
    """
    minutes = _candles(folder / f"{symbol}_1m_futures.parquet", is_needed=not hours_do)
    hours = _candles(folder / f"{symbol}_1h_futures.parquet", is_needed=hours_do and not len(minutes))
    return Recording(minutes=minutes, hours=hours)


def read_funding(folder: Path | None, symbol: str) -> tuple[np.ndarray, np.ndarray]:
    """Return (n,) settlement times and (n,) rates; empty when there is no file.

    Raises:
        BadInput: a file that is no funding table.
    """
    path = None if folder is None else folder / f"{symbol}_funding_futures.parquet"
    if path is None or not path.exists():
        return np.empty(0, np.int64), np.empty(0)
    table = _table(path)
    times = _column(table, _TIME_NAMES, path).astype(np.int64)
    if np.any(np.diff(times) <= 0):
        raise BadInput(f"{path}: funding times do not ascend")
    return times, _column(table, ("funding_rate",), path)


def _candles(path: Path, *, is_needed: bool) -> CandleArray:
    if not path.exists():
        if is_needed:
            what = "1h" if "_1h_" in path.name else "1m"
            raise BadInput(f"{path} does not exist; a replay needs the {what} candles of every symbol")
        return EMPTY
    table = _table(path)
    columns = [_column(table, _TIME_NAMES, path), *(_column(table, (name,), path) for name in _PRICES_AND_VOLUME)]
    candles = np.column_stack(columns)
    if is_needed and not len(candles):
        raise BadInput(f"{path} holds no candles")
    if not np.isfinite(candles).all() or np.any(np.diff(candles[:, OPEN_MS]) <= 0):
        raise BadInput(f"{path}: numbers are missing or times do not ascend")
    return candles


def _table(path: Path) -> pa.Table:
    try:
        return pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise BadInput(f"{path} cannot be read as parquet: {error}") from error


def _column(table: pa.Table, names: tuple[str, ...], path: Path) -> np.ndarray:
    for name in names:
        if name in table.schema.names:
            found: np.ndarray = table.column(name).to_numpy().astype(np.float64)
            return found
    raise BadInput(f"{path} has the columns {', '.join(table.schema.names)}; {' or '.join(names)} is needed")


def _digits(values: np.ndarray) -> int:
    for digits in range(_MOST_DIGITS):
        if np.array_equal(np.round(values, digits), values):
            return digits
    return _MOST_DIGITS
