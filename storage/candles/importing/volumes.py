"""The base volume: which column counts coins, and whether its size says so."""

from __future__ import annotations

import numpy as np

from storage.candles.importing.columns import Roles
from storage.candles.importing.numbers import numbers
from storage.candles.importing.sheet import Sheet
from strategies.errors import BadInput


def chosen_volume(
    sheet: Sheet, roles: Roles, symbol: str, decimal: str, close: np.ndarray, notes: list[str]
) -> tuple[np.ndarray, str]:
    """Return (n,) base volume and where it is from, in words.

    Args:
        sheet: the file.
        roles: candidates.
        symbol: canonical, to tell base from quote.
        decimal: of text cells.
        close: (n,) prices, to tell coins from money.
        notes: gets what a person should know.

    Raises:
        BadInput: no column counts coins; `--columns volume=none` takes zeros.
    """
    if roles.volumes and roles.volumes[0][0] == "":
        notes.append("volume taken as 0, as asked")
        return np.zeros(sheet.rows), "no volume"
    base = [name for name, coin in roles.volumes if coin and symbol.startswith(coin)]
    unnamed = [name for name, coin in roles.volumes if not coin]
    name = next(iter(base or unnamed), "")
    if not name and roles.tick_volume:
        notes.append(f"volume is the number of price changes ({roles.tick_volume})")
        return _values(sheet, roles.tick_volume, decimal), f"volume {roles.tick_volume!r} (ticks)"
    if not name:
        money = roles.quote_volume or next((column for column, coin in roles.volumes if coin), "")
        counted = f"only {money!r}, which counts money" if money else "none"
        raise BadInput(
            f"{sheet.name} has no volume column in coins: {counted} among {', '.join(sheet.columns)}; "
            "--columns volume=NAME chooses one, --columns volume=none takes 0"
        )
    values = _values(sheet, name, decimal)
    if roles.tick_volume and not np.nan_to_num(values).any():
        notes.append(f"{name} is 0 throughout; volume is the number of price changes ({roles.tick_volume})")
        return _values(sheet, roles.tick_volume, decimal), f"volume {roles.tick_volume!r} (ticks)"
    if not np.nan_to_num(values).any():
        notes.append("every volume is 0")
    _note_money(values, sheet, roles, name, decimal, close, notes)
    return values, f"volume {name!r}"


def _note_money(
    values: np.ndarray, sheet: Sheet, roles: Roles, name: str, decimal: str, close: np.ndarray, notes: list[str]
) -> None:
    """Say when a volume is money: equal to the quote volume, or from a source that counts dollars."""
    if any(column.strip().lower() == "adj close" for column in sheet.columns):
        notes.append("this layout is Yahoo's, which counts the volume of coins in money")
    if not roles.quote_volume or roles.quote_volume == name:
        return
    money = _values(sheet, roles.quote_volume, decimal)
    known = (values > 0) & (money > 0) & (close > 0)
    if known.any() and 0.98 < np.median(money[known] / values[known]) < 1.02 and not 0.9 < np.median(close) < 1.1:
        notes.append(f"{name!r} equals {roles.quote_volume!r}: it seems to count money, not coins")


def _values(sheet: Sheet, name: str, decimal: str) -> np.ndarray:
    return numbers(sheet.columns[name], decimal, f"{sheet.name}: column {name}")
