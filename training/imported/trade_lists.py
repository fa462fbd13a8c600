"""Trade lists as other programs keep them: freqtrade's database and backtest zip, Jesse's JSON, CSV of any names."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from storage.candles.importing.pairs import canonical
from storage.candles.importing.words import plain
from strategies.errors import BadInput
from strategies.kernel.round_trips import RoundTrip
from strategies.kernel.state import Reason
from strategies.values import iso_ms

_NAMES: Final = {
    "symbol": ("pair", "symbol", "market", "ticker", "instrument"),
    "side": ("is_short", "side", "type", "direction", "trade_direction"),
    "opened": ("open_timestamp", "open_date", "opened_at", "entry_time", "open_time", "entry_date", "opened"),
    "closed": ("close_timestamp", "close_date", "closed_at", "exit_time", "close_time", "exit_date", "closed"),
    "entry": ("open_rate", "entry_price", "open_price", "entry"),
    "exit": ("close_rate", "exit_price", "close_price", "exit"),
    "quantity": ("amount", "qty", "quantity", "size", "volume"),
    "net": ("profit_abs", "close_profit_abs", "pnl", "net", "net_profit", "profit", "realized_pnl"),
    "fees": ("fee", "fees", "commission"),
    "funding": ("funding_fees", "funding"),
    "stake": ("stake_amount", "notional", "entry_value"),
}
_NEEDED: Final = ("symbol", "opened", "closed", "entry", "exit", "quantity")


def read_trades(path: Path, strategy: str = "") -> tuple[list[RoundTrip], float | None]:
    """Return the closed trades of a file by their close, and the capital they began with where the file says it.

    Args:
        path: trades.sqlite, a backtest zip or JSON, or a CSV.
        strategy: which one of a file with several.

    Raises:
        BadInput: it holds no closed trade, or a column is missing; the message names it.
    """
    if not path.is_file():
        raise BadInput(f"{path} is not a file; a freqtrade database or zip, a Jesse JSON or a CSV is needed")
    try:
        rows, capital = _rows(path, strategy)
    except (OSError, ValueError, sqlite3.Error, zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read as a list of trades: {str(error)[:160]}") from error
    trades = [trade for number, row in enumerate(rows, start=1) if (trade := _trade(row, number, path)) is not None]
    if not trades:
        raise BadInput(f"{path} holds no closed trade")
    return sorted(trades, key=lambda trade: trade.closed_ms or 0), capital


def _rows(path: Path, strategy: str) -> tuple[list[dict[str, Any]], float | None]:
    start = path.read_bytes()[:16]
    if start.startswith(b"SQLite format 3"):
        return _of_database(path), None
    if start.startswith(b"PK"):
        return _of_zip(path, strategy)
    if start.lstrip()[:1] in (b"{", b"["):
        return _of_document(json.loads(path.read_text(encoding="utf-8")), path, strategy)
    text = path.read_text(encoding="utf-8-sig")
    sign = ";" if text.partition("\n")[0].count(";") > text.partition("\n")[0].count(",") else ","
    return list(csv.DictReader(io.StringIO(text), delimiter=sign)), None


def _of_database(path: Path) -> list[dict[str, Any]]:
    with sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute("SELECT * FROM trades WHERE is_open = 0")]


def _of_zip(path: Path, strategy: str) -> tuple[list[dict[str, Any]], float | None]:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith(".json") and "config" not in name and "meta" not in name:
                return _of_document(json.loads(archive.read(name)), path, strategy)
    raise ValueError("the archive has no result in JSON")


def _of_document(found: Any, path: Path, strategy: str) -> tuple[list[dict[str, Any]], float | None]:
    if isinstance(found, dict) and isinstance(found.get("strategy"), dict):
        known = list(found["strategy"])
        chosen = strategy or (known[0] if len(known) == 1 else "")
        if chosen not in known:
            raise BadInput(f"{path} holds the strategies {', '.join(known)}; --strategy chooses one")
        part = found["strategy"][chosen]
        return list(part.get("trades", [])), part.get("starting_balance")
    if isinstance(found, dict):
        return list(found.get("trades", [])), found.get("starting_balance")
    return list(found), None


def _trade(row: Mapping[str, Any], number: int, path: Path) -> RoundTrip | None:
    named = {plain(str(name)): value for name, value in row.items()}
    values = {
        role: next((named[n] for n in names if named.get(n) not in (None, "")), None) for role, names in _NAMES.items()
    }
    if values["closed"] is None and any(name in named for name in _NAMES["closed"]):
        return None  # still open
    missing = [role for role in _NEEDED if values[role] is None]
    if missing:
        raise BadInput(f"{path}: trade {number} has no {', '.join(missing)}; found {', '.join(named)}")
    side = _side(values["side"])
    entry, exit_, quantity = (_number(values[role], role, number, path) for role in ("entry", "exit", "quantity"))
    fees = _fees(named, values["fees"], entry, exit_, quantity)
    funding = -_number(values["funding"] or 0.0, "funding", number, path)
    gross = side * (exit_ - entry) * quantity
    net = gross - fees - funding if values["net"] is None else _number(values["net"], "net", number, path)
    symbol = canonical(str(values["symbol"]))
    return RoundTrip(
        market=0, symbol=symbol, number=number, side=side, opened_ms=_ms(values["opened"], number, path),
        closed_ms=_ms(values["closed"], number, path), decision_ms=_ms(values["opened"], number, path), entry=entry,
        exit=exit_, quantity=quantity, notional=entry * quantity, net=net, fees=fees, funding=funding,
        opened_by=Reason.SIGNAL, closed_by=Reason.SIGNAL, first_price=entry,
    )  # fmt: skip


def _side(value: Any) -> int:
    word = str(value).strip().lower()
    return -1 if word in ("1", "true", "short", "sell", "-1") else 1


def _fees(named: Mapping[str, Any], fees: Any, entry: float, exit_: float, quantity: float) -> float:
    """Return the fees paid: as an amount, or of freqtrade's two rates."""
    if named.get("fee_open_cost") is not None and named.get("fee_close_cost") is not None:
        return float(named["fee_open_cost"]) + float(named["fee_close_cost"])
    if named.get("fee_open") is not None and named.get("fee_close") is not None:
        return float(named["fee_open"]) * entry * quantity + float(named["fee_close"]) * exit_ * quantity
    return float(fees) if fees is not None else 0.0


def _number(value: Any, role: str, number: int, path: Path) -> float:
    try:
        return float(str(value).replace(",", "") if isinstance(value, str) and "." in value else value)
    except (TypeError, ValueError) as error:
        raise BadInput(f"{path}: trade {number} has {role} {value!r}; a number is needed") from error


def _ms(value: Any, number: int, path: Path) -> int:
    """Return UTC ms of an epoch in s or ms, or of ISO text; text without an offset is UTC, as the programs write it."""
    try:
        if isinstance(value, int | float) or str(value).replace(".", "", 1).isdigit():
            size = float(value)
            return int(size if size > 1e11 else size * 1000)
        return iso_ms(str(value))
    except (ValueError, BadInput) as error:
        raise BadInput(f"{path}: trade {number} has the time {value!r}; ISO or unix is needed") from error


def by_symbol(trades: list[RoundTrip]) -> Iterator[tuple[str, list[RoundTrip]]]:
    """Yield the trades of each market, in name order."""
    for symbol in sorted({trade.symbol for trade in trades}):
        yield symbol, [trade for trade in trades if trade.symbol == symbol]
