"""One-minute bars for benchmarks: real candles where a folder of them is given, else a seeded random walk."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet

from strategies.errors import BadInput
from strategies.market import CLOSE, HOUR_MS, MINUTE_MS, OPEN_MS, Market

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
TICKS = {"BTCUSDT": "0.1", "ETHUSDT": "0.01", "SOLUSDT": "0.01"}
START_MS = 1_735_689_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Minutes:
    """Aligned minutes of several markets.

    Attributes:
        source: "real" or "synthetic".
        markets: in the order of the columns.
        open_ms: (n,) int64, the minutes that all markets have.
        bars: (n, M, 5) int64.
        closes: (n, M) float64.
    """

    source: str
    markets: tuple[Market, ...]
    open_ms: np.ndarray
    bars: np.ndarray
    closes: np.ndarray


def load(folder: Path, symbols: tuple[str, ...] = SYMBOLS, *, synthetic_minutes: int = 73_000) -> Minutes:
    """Return the minutes of `SYMBOL_1m_futures.parquet` in `folder`, or synthetic ones when it has none of them.

    Raises:
        BadInput: the folder has candles of some symbols only.
    """
    paths = [folder / f"{symbol}_1m_futures.parquet" for symbol in symbols]
    found = [path.is_file() for path in paths]
    if any(found) and not all(found):
        raise BadInput(f"{folder} has {sum(found)} of {len(symbols)} files; all of {', '.join(symbols)} are needed")
    candles = [_read(path) for path in paths] if all(found) else _walks(len(symbols), synthetic_minutes)
    markets = tuple(
        Market(exchange="benchmark", symbol=symbol, tick=Decimal(TICKS.get(symbol, "0.01")), lot=Decimal("0.001"))
        for symbol in symbols
    )
    shared = candles[0][:, OPEN_MS]
    for each in candles[1:]:
        shared = np.intersect1d(shared, each[:, OPEN_MS])
    aligned = [each[np.isin(each[:, OPEN_MS], shared)] for each in candles]
    return Minutes(
        source="real" if all(found) else "synthetic",
        markets=markets,
        open_ms=shared.astype(np.int64),
        bars=np.stack([market.bars(each) for market, each in zip(markets, aligned, strict=True)], axis=1),
        closes=np.stack([each[:, CLOSE] for each in aligned], axis=1),
    )


def _read(path: Path) -> np.ndarray:
    table = parquet.read_table(path)
    return np.stack([table.column(index).to_numpy().astype(np.float64) for index in range(6)], axis=1)


def _walks(markets: int, minutes: int) -> list[np.ndarray]:
    rng = np.random.default_rng(7)
    start = START_MS - START_MS % HOUR_MS
    walks = []
    for _ in range(markets):
        close = 1_000 * np.exp(np.cumsum(rng.standard_t(4, minutes) * 0.0005))
        opened = np.concatenate([[1_000.0], close[:-1]])
        high = np.maximum(opened, close) * (1 + rng.exponential(0.0003, minutes))
        low = np.minimum(opened, close) * (1 - rng.exponential(0.0003, minutes))
        open_ms = start + np.arange(minutes) * MINUTE_MS
        walks.append(np.stack([open_ms, opened, high, low, close, rng.gamma(2, 50, minutes)], axis=1))
    return walks
