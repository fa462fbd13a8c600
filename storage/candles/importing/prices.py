"""Price check: whether a sheet's prices are what trades were done at, in the money of the market."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from storage.candles.importing.columns import Roles
from storage.candles.importing.pairs import DOLLARS, quote_of
from storage.candles.importing.sheet import Sheet
from storage.candles.importing.words import currency_of
from strategies.errors import BadInput
from strategies.market import CLOSE, OPEN, OPEN_MS, CandleArray

_SIGNS: Final = {"€": "EUR", "£": "GBP", "₺": "TRY", "₩": "KRW", "¥": "JPY", "₽": "RUB", "₹": "INR"}
_FIXED_POINT: Final = ("ts_event", "rtype", "publisher_id")  # Databento: integers of 1e-9
_FEWEST_ROWS: Final = 20
_HEIKIN: Final = 0.05


def require_currency(sheet: Sheet, roles: Roles, symbol: str) -> None:
    """Refuse prices that a header or a sign says are in other money than the market's; dollars are alike.

    Raises:
        BadInput: with the column and the currency.
    """
    quote = quote_of(symbol)
    for name in roles.prices.values():
        said = currency_of(name) or _sign_of(sheet.columns[name])
        alike = said == quote or (said in DOLLARS and quote in DOLLARS)
        if said and quote and not alike:
            raise BadInput(
                f"{sheet.name} has prices in {said} (column {name!r}), {symbol} is paid in {quote}; "
                "ask for the market it is of, or --override-evidence when the file is wrong about itself"
            )


def _sign_of(column: pa.ChunkedArray) -> str:
    if not pa.types.is_string(column.type):
        return ""
    first = next((cell for cell in column.slice(0, 20).to_pylist() if cell), "")
    return next((name for sign, name in _SIGNS.items() if sign in first), "")


def from_fixed_point(candles: CandleArray, sheet: Sheet, roles: Roles, notes: list[str]) -> CandleArray:
    """Return prices as money where the layout is known to write integers of a billionth."""
    whole = all(pa.types.is_integer(sheet.columns[name].type) for name in roles.prices.values())
    if not whole or not sheet.has(*_FIXED_POINT):
        return candles
    notes.append("prices are integers of 1e-9, as Databento writes them")
    candles = candles.copy()
    candles[:, OPEN : CLOSE + 1] /= 1e9
    return candles


def require_real(candles: CandleArray, name: str) -> None:
    """Refuse Heikin-Ashi candles: each opens in the middle of the one before, where nobody traded.

    Args:
        candles: (n, 6), ascending.
        name: of the file.

    Raises:
        BadInput: a backtest over them would fill at prices that never were.
    """
    before, after = candles[:-1], candles[1:]
    if len(before) < _FEWEST_ROWS or not (np.diff(candles[:, OPEN_MS]) > 0).all():
        return
    middle = (before[:, OPEN] + before[:, CLOSE]) / 2
    from_middle = np.median(np.abs(after[:, OPEN] - middle))
    from_close = np.median(np.abs(after[:, OPEN] - before[:, CLOSE]))
    if from_middle < _HEIKIN * from_close:
        raise BadInput(
            f"{name} holds Heikin-Ashi candles: each opens in the middle of the one before, at a price where nobody "
            "traded; export plain candles (--override-evidence takes them)"
        )
