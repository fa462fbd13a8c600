"""Candles on disk: parquet by exchange, market and month. The history that training and backtests read.

    data/historical/binanceusdm/BTCUSDT_1h_futures/2024-06.parquet     open_ms, open, high, low, close, volume, source
    data/historical/binanceusdm/BTCUSDT_funding_futures/2024-06.parquet                          time_ms, rate_e8

Everything is keyed by exchange, so generated candles cannot meet real ones. The first accepted value of a candle is
the truth: a later, differing one is kept out and reported. Writes are atomic and one process at a time; readers need
no lock. All ranges are half open: start_ms <= open_ms < end_ms.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from storage.candle_rows import (
    SOURCES,
    Source,
    StoredCandles,
    content_hash,
    merge,
    require_candles,
)
from storage.durable import folder_lock
from storage.monthly import Columns, MonthlySeries, Span
from strategies.errors import BadInput
from strategies.market import CandleArray, Timeframe

__all__ = ["SOURCES", "Appended", "CandleStore", "Series", "Source", "Span", "StoredCandles", "StoredFunding"]

_PRICES: Final = ("open", "high", "low", "close", "volume")
_SCHEMA: Final = pa.schema(
    [("open_ms", pa.int64()), *((name, pa.float64()) for name in _PRICES), ("source", pa.string())]
)
_FUNDING_SCHEMA: Final = pa.schema([("time_ms", pa.int64()), ("rate_e8", pa.int64())])
_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")
_FOLDER: Final = re.compile(r"([A-Za-z0-9.-]+)_(1m|5m|15m|1h|4h|1d)_([a-z]+)")
