"""Candles on disk: parquet by exchange, market and month. The history that training and backtests read.

    data/historical/binanceusdm/BTCUSDT_1h_futures/2024-06.parquet     open_ms, open, high, low, close, volume, source
    data/historical/binanceusdm/BTCUSDT_funding_futures/2024-06.parquet                          time_ms, rate_e8

Everything is keyed by exchange, so generated candles cannot meet real ones. The first accepted value of a candle is
the truth: a later, differing one is kept out and reported. Writes are atomic and one process at a time; readers need
no lock. All ranges are half open: start_ms <= time < end_ms.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from storage.candles.funding import StoredFunding, funding_series, merge_funding, require_funding
from storage.candles.gaps import fill_gaps, segments
from storage.candles.monthly import Columns, MonthlySeries, Span
from storage.candles.rows import SOURCES, Appended, Source, StoredCandles, content_hash, merge, require_candles
from storage.durable import folder_lock
from strategies.errors import BadInput
from strategies.market import OPEN_MS, CandleArray, Timeframe

__all__ = [
    "SOURCES",
    "Appended",
    "CandleStore",
    "Source",
    "Span",
    "StoredCandles",
    "StoredFunding",
    "StoredMarket",
    "content_hash",
    "fill_gaps",
    "segments",
]

DEFAULT_ROOT: Final = "data/historical"
_VALUES: Final = ("open", "high", "low", "close", "volume")
_SCHEMA: Final = pa.schema(
    [("open_ms", pa.int64()), *((name, pa.float64()) for name in _VALUES), ("source", pa.string())]
)
_WORD: Final = re.compile(r"[^\W_](?:[^\W_]|[.-]){0,63}")  # 币安人生USDT is a market, too
_FOLDER: Final = re.compile(r"([^\W_](?:[^\W_]|[.-])*)_(1m|5m|15m|1h|4h|1d)_([a-z]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMarket:
    """The key of one candle series: exchange, symbol, timeframe, kind ("futures" or "spot")."""

    exchange: str
    symbol: str
    timeframe: Timeframe
    kind: str

    def __str__(self) -> str:
        return f"{self.exchange}:{self.symbol}:{self.timeframe.value}:{self.kind}"


class CandleStore:
    """Candles and funding rates under one root folder."""

    def __init__(self, root: str | Path = DEFAULT_ROOT) -> None:
        self.root = Path(root)

    def read(
        self,
        exchange: str,
        symbol: str,
        timeframe: Timeframe | str,
        kind: str = "futures",
        start_ms: int | None = None,
        end_ms: int | None = None,
    ) -> StoredCandles:
        """Return the candles with start_ms <= open_ms < end_ms; none stored gives none.

        Raises:
            StorageFailed: a file is damaged, foreign or out of order; the message names it.
        """
        return _rows_of(self.series(exchange, symbol, timeframe, kind).read(start_ms, end_ms))

    def read_as_is(self, exchange: str, symbol: str, timeframe: Timeframe | str, kind: str) -> StoredCandles:
        """Return every row as the files hold it, ascending or not: for the data check, which says what is wrong."""
        return _rows_of(self.series(exchange, symbol, timeframe, kind).read(strict=False))

    def append(
        self,
        exchange: str,
        symbol: str,
        timeframe: Timeframe | str,
        kind: str,
        candles: CandleArray,
        source: Source | np.ndarray = Source.REAL,
    ) -> Appended:
        """Add candles; repeating an append changes nothing.

        Args:
            exchange: ccxt id, the first folder under the root.
            symbol: canonical, "BTCUSDT".
            timeframe: length of a candle.
            kind: "futures" or "spot".
            candles: (n, 6) float64, ascending, closed, on the grid. Gaps are allowed.
            source: one for all, or (n,) uint8.

        Raises:
            BadInput: a candle is impossible; nothing was written.
            StorageFailed: a file is damaged, the disk is full, or another process holds the folder.
        """
        series = self.series(exchange, symbol, timeframe, kind)
        require_candles(candles, Timeframe(timeframe))
        if not len(candles):
            return Appended(added=0)
        new = StoredCandles(candles=candles, source=np.broadcast_to(np.asarray(source, np.uint8), len(candles)))
        if new.source.max() >= len(SOURCES):
            raise BadInput(f"source {new.source.max()} is unknown; 0 to {len(SOURCES) - 1} are {', '.join(SOURCES)}")
        with folder_lock(series.folder):
            stored = _rows_of(series.read_months(int(candles[0, OPEN_MS]), int(candles[-1, OPEN_MS])))
            merged, appended = merge(stored, new)
            if appended.added or appended.replaced:
                series.write(_columns_of(merged))
        return appended

    def coverage(self, exchange: str, symbol: str, timeframe: Timeframe | str, kind: str = "futures") -> Span:
        """Return how many candles are stored, and the first and last `open_ms`."""
        return self.series(exchange, symbol, timeframe, kind).span()

    def content_hash(
        self,
        exchange: str,
        symbol: str,
        timeframe: Timeframe | str,
        kind: str = "futures",
        start_ms: int | None = None,
        end_ms: int | None = None,
    ) -> str:
        """Return the sha256 of a range's rows, whatever files hold them: the data hash of run records."""
        return content_hash(self.read(exchange, symbol, timeframe, kind, start_ms, end_ms))

    def exchanges(self) -> list[str]:
        """Return the exchanges that have a folder here."""
        return sorted(path.name for path in self.root.iterdir() if path.is_dir()) if self.root.is_dir() else []

    def markets(self, exchange: str) -> list[StoredMarket]:
        """Return the candle series stored for an exchange, in name order."""
        folder = self.root / _word(exchange, "exchange")
        found = []
        for path in sorted(folder.iterdir()) if folder.is_dir() else []:
            match = _FOLDER.fullmatch(path.name)
            if match and any(path.glob("*.parquet")):
                symbol, timeframe, kind = match.groups()
                found.append(StoredMarket(exchange=exchange, symbol=symbol, timeframe=Timeframe(timeframe), kind=kind))
        return found

    def read_funding(
        self, exchange: str, symbol: str, start_ms: int | None = None, end_ms: int | None = None
    ) -> StoredFunding:
        """Return (times_ms (n,) int64 on the minute, rates_e8 (n,) int64) with start_ms <= time < end_ms."""
        columns = self._funding(exchange, symbol).read(start_ms, end_ms)
        return StoredFunding(columns["time_ms"], columns["rate_e8"])

    def append_funding(self, exchange: str, symbol: str, times_ms: np.ndarray, rates_e8: np.ndarray) -> Appended:
        """Add settled funding rates; times are rounded to the minute, the first accepted rate is the truth.

        Raises:
            BadInput: times do not ascend, or a rate is beyond +-100 %; nothing was written.
            StorageFailed: as for `append`.
        """
        new = require_funding(times_ms, rates_e8)
        series = self._funding(exchange, symbol)
        if not len(new.times_ms):
            return Appended(added=0)
        with folder_lock(series.folder):
            columns = series.read_months(int(new.times_ms[0]), int(new.times_ms[-1]))
            merged, appended = merge_funding(StoredFunding(columns["time_ms"], columns["rate_e8"]), new)
            if appended.added:
                series.write({"time_ms": merged.times_ms, "rate_e8": merged.rates_e8})
        return appended

    def series(self, exchange: str, symbol: str, timeframe: Timeframe | str, kind: str) -> MonthlySeries:
        """Return the monthly files of one market's candles; BadInput when a name cannot be a folder's."""
        market = StoredMarket(
            exchange=_word(exchange, "exchange"),
            symbol=_word(symbol, "symbol"),
            timeframe=_timeframe(timeframe),
            kind=_word(kind, "market kind"),
        )
        folder = self.root / exchange / f"{symbol}_{market.timeframe.value}_{kind}"
        return MonthlySeries(folder, _SCHEMA, str(market), SOURCES)

    def _funding(self, exchange: str, symbol: str) -> MonthlySeries:
        return funding_series(self.root / _word(exchange, "exchange"), exchange, _word(symbol, "symbol"))


def _rows_of(columns: Columns) -> StoredCandles:
    candles = np.empty((len(columns["open_ms"]), 6), np.float64)
    candles[:, OPEN_MS] = columns["open_ms"]
    for position, name in enumerate(_VALUES, start=1):
        candles[:, position] = columns[name]
    return StoredCandles(candles=candles, source=columns["source"])


def _columns_of(rows: StoredCandles) -> Columns:
    columns: Columns = {"open_ms": rows.open_ms}
    columns |= {name: rows.candles[:, position] for position, name in enumerate(_VALUES, start=1)}
    columns["source"] = rows.source
    return columns


def _word(text: str, what: str) -> str:
    if not _WORD.fullmatch(text):
        raise BadInput(
            f"{what} {text!r} is not a name; letters, digits, dot and dash are allowed (BTCUSDT, binanceusdm)"
        )
    return text


def _timeframe(text: Timeframe | str) -> Timeframe:
    try:
        return Timeframe(text)
    except ValueError as error:
        raise BadInput(f"timeframe {text!r} is unknown; one of {', '.join(Timeframe)} is needed") from error
