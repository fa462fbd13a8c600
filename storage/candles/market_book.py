"""Market specifications beside the candles they belong to: tick, lot, minimum, contract size.

    data/historical/binanceusdm/markets_futures.json

Written whenever an exchange has been asked, read by whatever runs without one. Candles that were imported have no
specification; theirs is inferred from the prices and volumes themselves, and said to be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from storage.candles.price_grid import MOST_MOVED, inferred_grid, require_fit, worst_rounding
from storage.durable import folder_lock, replace_files
from strategies.errors import DataGap, StorageFailed
from strategies.market import HOUR_MS, UNITS_PER_QUOTE, CandleArray, Market

Kind = Literal["futures", "spot"]
INFERRED_FROM: Final = 5000  # newest candles; exchanges coarsen and refine ticks, the present grid counts


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    symbol: str
    tick: Decimal
    lot: Decimal
    contract_size: Decimal
    min_lots: int
    min_notional_units: int
    funding_interval_ms: int


class _Page(BaseModel):
    markets: list[_Entry]


def record_markets(root: Path, markets: Sequence[Market]) -> None:
    """Store specifications, replacing those of the same symbols.

    Args:
        root: of the candle store.
        markets: of any exchanges and kinds.

    Raises:
        StorageFailed: a file could not be written.
    """
    for exchange, kind in sorted({(market.exchange, market.kind) for market in markets}):
        folder = root / exchange
        with folder_lock(folder):
            known = {market.symbol: market for market in recorded_markets(root, exchange, kind)}
            known |= {market.symbol: market for market in markets if (market.exchange, market.kind) == (exchange, kind)}
            content = _Page(markets=[_entry(known[symbol]) for symbol in sorted(known)]).model_dump_json(indent=1)
            replace_files([(_path(root, exchange, kind), _writer(content))])


def recorded_markets(root: Path, exchange: str, kind: Kind = "futures") -> list[Market]:
    """Return the stored specifications of an exchange, in name order.

    Raises:
        StorageFailed: the file is damaged.
    """
    path = _path(root, exchange, kind)
    try:
        entries = _Page.model_validate_json(path.read_bytes()).markets
        return [Market(exchange=exchange, kind=kind, **entry.model_dump()) for entry in entries]
    except FileNotFoundError:
        return []
    except (OSError, ValidationError) as error:
        raise StorageFailed(f"{path} cannot be read: {error}; delete it and download the candles again") from error


def inferred_market(exchange: str, symbol: str, kind: Kind, candles: CandleArray) -> Market:
    """Return a market on the decimal grid that the newest candles lie on, without minimums.

    Raises:
        DataGap: there are no candles to infer from.
    """
    if not len(candles):
        raise DataGap(f"{exchange}:{symbol}:{kind} has neither a specification nor candles to infer it from")
    interval = 8 * HOUR_MS if kind == "futures" else 0
    for used in (candles[-INFERRED_FROM:], candles):
        tick, lot = inferred_grid(used)
        market = Market(exchange=exchange, symbol=symbol, kind=kind, tick=tick, lot=lot, funding_interval_ms=interval)
        if worst_rounding(market, candles)[0] <= MOST_MOVED:
            break
    require_fit(market, candles)
    return market


def fitting_market(market: Market, candles: CandleArray) -> Market:
    """Return a market whose tick fits these candles: its own, or a finer one where older prices had more digits."""
    if worst_rounding(market, candles)[0] <= MOST_MOVED:
        return market
    tick, _ = inferred_grid(candles)
    lot = max(market.lot, Decimal(1) / (tick * market.contract_size * UNITS_PER_QUOTE))
    return replace(market, tick=tick, lot=lot)


def _entry(market: Market) -> _Entry:
    return _Entry(**{name: getattr(market, name) for name in _Entry.model_fields})


def _path(root: Path, exchange: str, kind: str) -> Path:
    return root / exchange / f"markets_{kind}.json"


def _writer(content: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_text(content, encoding="utf-8")

    return write
