"""The base volume: which column counts coins. Names mislead, so the values decide: money is coins times the price."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from storage.candles.importing.columns import Roles
from storage.candles.importing.numbers import numbers
from storage.candles.importing.sheet import Options, Sheet
from storage.candles.importing.words import plain
from strategies.errors import BadInput

_SAID: Final = ("base_asset_volume", "home_notional", "base_volume", "volume_base")  # coins, whatever "volume" counts
_NEAR: Final = 0.03  # a bar's money over its coins is somewhere between its low and its high, not its close
_STEADY: Final = 0.1
_IN_MONEY: Final = {"Yahoo": ("adj_close",), "CoinMarketCap": ("time_high", "time_low", "market_cap")}
_CONTRACTS: Final = (1, 10, 100, 1000)  # money a contract of an inverse market is worth


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pool:
    """Columns that may count something traded, by name: (n,) float64 each, and the closes."""

    values: dict[str, np.ndarray]
    close: np.ndarray

    def ratio(self, upper: str, lower: str, *, priced: bool) -> float:
        """Return how many times one column is the other, or its money; NaN where that changes from row to row."""
        over, under = self.values[upper], self.values[lower] * (self.close if priced else 1.0)
        known = (over > 0) & (under > 0) & np.isfinite(over) & np.isfinite(under)
        if known.sum() < 3:
            return float("nan")
        found = over[known] / under[known]
        middle = float(np.median(found))
        return middle if np.median(np.abs(found / middle - 1)) < _STEADY else float("nan")

    def is_money(self, money: str, coins: str) -> bool:
        return abs(self.ratio(money, coins, priced=True) - 1) < _NEAR


def chosen_volume(
    sheet: Sheet, roles: Roles, symbol: str, decimal: str, close: np.ndarray, options: Options, notes: list[str]
) -> tuple[np.ndarray, str]:
    """Return (n,) base volume and where it is from, in words.

    Args:
        sheet: the file.
        roles: candidates.
        symbol: canonical, to tell base from quote.
        decimal: of text cells.
        close: (n,) prices, to tell coins from money.
        options: a volume asked for by `--columns` is taken as it is.
        notes: gets what a person should know.

    Raises:
        BadInput: no column counts coins (`--columns volume=none` takes zeros), or nothing was traded at these prices.
    """
    if roles.volumes and roles.volumes[0][0] == "":
        notes.append("volume taken as 0, as asked")
        return np.zeros(sheet.rows), "no volume"
    name = _named(roles, symbol)
    if not name and roles.tick_volume:
        return _ticks(sheet, roles, decimal, notes)
    if not name:
        raise _no_coins(sheet, roles)
    pool = _pool(sheet, roles, name, decimal, close)
    values = pool.values[name]
    if not np.nan_to_num(values).any():
        if roles.tick_volume:
            notes.append(f"{name} is 0 throughout; volume is the number of price changes ({roles.tick_volume})")
            return _ticks(sheet, roles, decimal, notes)
        _require_traded(sheet, roles, pool, name, options)
        notes.append("every volume is 0")
    seller = next((who for who, layout in _IN_MONEY.items() if sheet.has(*layout)), "")
    if seller:
        notes.append(f"this layout is {seller}'s, which counts the volume of coins in money")
    if "volume" in options.columns:
        return values, f"volume {name!r}"
    better, why = _coins(pool, name)
    if better != name:
        notes.append(f"volume is {better!r}: {name!r} {why}")
    return pool.values[better], f"volume {better!r}"


def _named(roles: Roles, symbol: str) -> str:
    """Return the column whose name promises coins: of the base, said to be coins, else of no coin, `volume` first."""
    base = [name for name, coin in roles.volumes if coin and symbol.startswith(coin)]
    unnamed = [name for name, coin in roles.volumes if not coin]
    said = [name for name in unnamed if plain(name) in _SAID]
    exact = [name for name in unnamed if name.strip().lower() in ("volume", "vol", "v")]
    return next(iter(base or said or exact or unnamed), "")


def _pool(sheet: Sheet, roles: Roles, name: str, decimal: str, close: np.ndarray) -> _Pool:
    names = dict.fromkeys((name, *(column for column, _ in roles.volumes), roles.quote_volume, *roles.extras))
    names.pop("", None)
    values = {name: _values(sheet, name, decimal)}
    for column in names:
        if column != name and _may_count(sheet, column):
            with suppress(BadInput):  # words: then it counts nothing
                values[column] = _values(sheet, column, decimal)
    return _Pool(values=values, close=close)


def _may_count(sheet: Sheet, name: str) -> bool:
    kind = sheet.columns[name].type
    return bool(
        pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_decimal(kind)
    )


def _coins(pool: _Pool, name: str) -> tuple[str, str]:
    """Return the column that counts coins, and what the promised one counts instead."""
    if 0.9 < np.median(pool.close) < 1.1:  # coins and money are the same then
        return name, ""
    others = [other for other in pool.values if other != name]
    if any(pool.is_money(money, name) for money in others):
        return name, ""
    for other in others:
        if pool.is_money(name, other):
            return other, f"counts money, {other!r} coins"
    for other in others:
        each = pool.ratio(name, other, priced=False)
        if np.isfinite(each) and any(pool.is_money(money, other) for money in others if money != other):
            return other, f"counts contracts, {1 / each:g} coins each"
    for other in others:
        worth = 1 / pool.ratio(name, other, priced=True)
        unit = next((size for size in _CONTRACTS if abs(worth / size - 1) < _NEAR), 0)
        if unit:
            return other, f"counts contracts of {unit} in money, as inverse markets do"
    return name, ""


def _require_traded(sheet: Sheet, roles: Roles, pool: _Pool, name: str, options: Options) -> None:
    """Refuse klines that count updates but no volume: mark, index and premium prices are written so."""
    counted = [other for other, values in pool.values.items() if other != name and np.nan_to_num(values).any()]
    if roles.trades:
        counted += [roles.trades] if np.nan_to_num(_values(sheet, roles.trades, ".")).any() else []
    if counted and not options.override_evidence:
        raise BadInput(
            f"{sheet.name}: every volume is 0 while column {counted[0]!r} counts something: these are mark or index "
            "prices, not trades; --override-evidence takes them"
        )


def _ticks(sheet: Sheet, roles: Roles, decimal: str, notes: list[str]) -> tuple[np.ndarray, str]:
    said = f"volume is the number of price changes ({roles.tick_volume})"
    if not any(said in note for note in notes):
        notes.append(said)
    return _values(sheet, roles.tick_volume, decimal), f"volume {roles.tick_volume!r} (ticks)"


def _no_coins(sheet: Sheet, roles: Roles) -> BadInput:
    money = roles.quote_volume or next((column for column, coin in roles.volumes if coin), "")
    counted = f"only {money!r}, which counts money" if money else "none"
    return BadInput(
        f"{sheet.name} has no volume column in coins: {counted} among {', '.join(sheet.columns)}; "
        "--columns volume=NAME chooses one, --columns volume=none takes 0"
    )


def _values(sheet: Sheet, name: str, decimal: str) -> np.ndarray:
    return numbers(sheet.columns[name], decimal, f"{sheet.name}: column {name}")
