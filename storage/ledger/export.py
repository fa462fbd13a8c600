"""The canonical export of what happened to an account: fills and funding, exact decimals, one order, one spelling.

The live ledger, a replay of the tape and a backtest export through this file, so "the same trades" means "the same
bytes". Every number is written from its integer (ticks, lots, cash units); no float is ever formatted.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from storage.durable import replace_files
from strategies.errors import BadInput
from strategies.kernel.state import FactKind, Reason
from strategies.market import UNITS_PER_QUOTE, Market
from strategies.market_versions import MarketVersions


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedFact:
    """One line of the export. Decimals are text, so that no reader rounds them.

    Attributes:
        ms: open of the bar in which it happened, UTC.
        time: the same instant in ISO 8601.
        market: canonical id, `exchange:symbol:kind`.
        kind: a fill, or a funding settlement.
        side: of a fill `buy` or `sell`; of a funding settlement the side held, `long` or `short`.
        price: of the fill, or the price at which funding was settled.
        quantity: filled, or held; base currency.
        fee: paid, quote currency.
        funding: paid, quote currency; negative when received.
        reason: name of the `Reason`, lower case.
    """

    ms: int
    time: str
    market: str
    kind: Literal["fill", "funding"]
    side: Literal["buy", "sell", "long", "short"]
    price: str
    quantity: str
    fee: str
    funding: str
    reason: str


COLUMNS = tuple(field.name for field in fields(ExportedFact))


def export_facts(facts: np.ndarray, markets: Sequence[Market]) -> list[ExportedFact]:
    """Return the fills and funding settlements among `facts` in canonical order: by time, then market, then as emitted.

    Args:
        facts: (n,) FACT.
        markets: the account's markets in its fixed order, or their versions.
    """
    versions = MarketVersions.of(markets)
    chosen = facts[np.isin(facts["kind"], (FactKind.FILL, FactKind.FUNDING))]
    order = np.lexsort((np.arange(len(chosen)), chosen["market"], chosen["ms"]))
    return [_exported(fact, versions.at(int(fact["market"]), int(fact["ms"]))) for fact in chosen[order]]


def csv_bytes(facts: np.ndarray, markets: Sequence[Market]) -> bytes:
    """Return the export as CSV: a header, `\\n` line ends, UTF-8."""
    return _csv([astuple(row) for row in export_facts(facts, markets)])


def write_export(path: Path, facts: np.ndarray, markets: Sequence[Market]) -> int:
    """Write the export as CSV or parquet, by the file's suffix, through a temporary name; return how many rows it has.

    Raises:
        BadInput: the suffix is neither `.csv` nor `.parquet`.
    """
    if path.suffix not in (".csv", ".parquet"):
        raise BadInput(f"cannot export to {path.name}: a name ending in .csv or .parquet is needed")
    rows = [astuple(row) for row in export_facts(facts, markets)]
    if path.suffix == ".csv":
        content = _csv(rows)
        replace_files([(path, lambda staged: _write_bytes(staged, content))])
        return len(rows)
    columns = list(zip(*rows, strict=True)) or [()] * len(COLUMNS)
    types = [pa.int64()] + [pa.string()] * (len(COLUMNS) - 1)
    table = pa.table({name: pa.array(column, kind) for name, column, kind in zip(COLUMNS, columns, types, strict=True)})
    replace_files([(path, lambda staged: pq.write_table(table, staged, compression="zstd"))])
    return len(rows)


def _csv(rows: Sequence[tuple[object, ...]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    return text.getvalue().encode()


def _exported(fact: np.void, market: Market) -> ExportedFact:
    is_fill = bool(fact["kind"] == FactKind.FILL)
    lots = int(fact["lots"]) if is_fill else int(fact["position"])
    return ExportedFact(
        ms=int(fact["ms"]),
        time=datetime.fromtimestamp(int(fact["ms"]) / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        market=market.id,
        kind="fill" if is_fill else "funding",
        side=_side(is_fill, lots),
        price=_decimal(int(fact["price"]) * market.tick),
        quantity=_decimal(abs(lots) * market.lot * market.contract_size),
        fee=_cash(int(fact["fee"])),
        funding=_cash(0 if is_fill else -int(fact["cash_flow"])),
        reason=Reason(int(fact["reason"])).name.lower(),
    )


def _side(is_fill: bool, lots: int) -> Literal["buy", "sell", "long", "short"]:
    if is_fill:
        return "buy" if lots > 0 else "sell"
    return "long" if lots > 0 else "short"


def _decimal(value: Decimal) -> str:
    return f"{value:f}"


def _cash(units: int) -> str:
    sign, rest = "-" if units < 0 else "", abs(units)
    return f"{sign}{rest // UNITS_PER_QUOTE}.{rest % UNITS_PER_QUOTE:08d}"


def _write_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)
