"""Settled funding rates as values: validity and merging. The candle store keeps them beside the candles.

A rate is an integer of 1e-8; a positive one is paid by longs to shorts. Exchanges stamp settlements some milliseconds
after the minute, so times are rounded to it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from storage.candles.monthly import MonthlySeries
from storage.candles.rows import Appended, moment
from strategies.errors import BadInput
from strategies.market import MINUTE_MS, RATE_ONE

_SCHEMA: Final = pa.schema([("time_ms", pa.int64()), ("rate_e8", pa.int64())])


class StoredFunding(NamedTuple):
    """Settlement times (n,) int64 UTC ms, ascending, on the minute; rates (n,) int64, fraction x 1e8."""

    times_ms: np.ndarray
    rates_e8: np.ndarray


def funding_series(folder: Path, exchange: str, symbol: str) -> MonthlySeries:
    """Return the monthly files of one future's funding rates under an exchange's folder."""
    return MonthlySeries(folder / f"{symbol}_funding_futures", _SCHEMA, f"{exchange}:{symbol}:funding:futures")


def require_funding(times_ms: np.ndarray, rates_e8: np.ndarray) -> StoredFunding:
    """Return the rates with times rounded to the minute.

    Raises:
        BadInput: lengths differ, times do not ascend after rounding, or a rate is beyond +-100 %.
    """
    times = np.asarray(times_ms, np.int64)
    rates = np.asarray(rates_e8, np.int64)
    if times.shape != rates.shape or times.ndim != 1:
        raise BadInput(f"funding has {times.shape} times and {rates.shape} rates; one rate a time is needed")
    times = (times + MINUTE_MS // 2) // MINUTE_MS * MINUTE_MS
    unordered = np.flatnonzero(np.diff(times) <= 0)
    if len(unordered):
        raise BadInput(f"funding times do not ascend at {moment(times[unordered[0] + 1])}")
    extreme = np.flatnonzero(np.abs(rates) > RATE_ONE)
    if len(extreme):
        at, rate = moment(times[extreme[0]]), rates[extreme[0]] / RATE_ONE
        raise BadInput(f"the funding rate at {at} is {rate:g}; a fraction within +-1 is needed (0.0001 is 0.01 %)")
    return StoredFunding(times, rates)


def merge_funding(stored: StoredFunding, new: StoredFunding) -> tuple[StoredFunding, Appended]:
    """Return the union by time; a differing later rate is kept out and reported."""
    _, at_stored, at_new = np.intersect1d(stored.times_ms, new.times_ms, assume_unique=True, return_indices=True)
    same = stored.rates_e8[at_stored] == new.rates_e8[at_new]
    fresh = np.ones(len(new.times_ms), bool)
    fresh[at_new] = False
    times = np.r_[stored.times_ms, new.times_ms[fresh]]
    order = np.argsort(times, kind="stable")
    merged = StoredFunding(times[order], np.r_[stored.rates_e8, new.rates_e8[fresh]][order])
    return merged, Appended(added=int(fresh.sum()), identical=int(same.sum()), revisions=new.times_ms[at_new[~same]])
