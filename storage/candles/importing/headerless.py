"""Which column is what in a file without header: the high is never below, the open follows the close before."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from storage.candles.importing.columns import Roles
from storage.candles.importing.numbers import numbers
from storage.candles.importing.sheet import Sheet
from storage.candles.importing.times import times_of
from strategies.errors import BadInput

_FEWEST_ROWS: Final = 5
_MOST_ROWS: Final = 20_000  # more tell no more about the order
_SURE: Final = 0.999
_ASK: Final = "--columns time=1,open=2,high=3,low=4,close=5,volume=6 says it"


def data_roles(sheet: Sheet, decimal: str) -> Roles:
    """Return the roles of a file without header.

    Raises:
        BadInput: the values do not tell the order; `--columns` must.
    """
    sheet = replace(sheet, columns={name: column.slice(0, _MOST_ROWS) for name, column in sheet.columns.items()})
    names = list(sheet.columns)
    texts = [name for name in names if _is_text(sheet.columns[name], decimal)]
    symbol = (
        texts[0] if texts and _is_constant(sheet.columns[texts[0]]) and not _has_digit_start(sheet, texts[0]) else ""
    )
    rest = [name for name in names if name != symbol]
    times = [rest[0]]
    if _is_clock(sheet.columns[rest[1]]):
        times.append(rest[1])
    values = [name for name in rest[len(times) :] if name not in texts]
    if len(values) < 4:
        raise BadInput(f"{sheet.name} has no header and {len(names)} columns; a time and four prices are needed")
    block = np.column_stack([numbers(sheet.columns[name], decimal, f"{sheet.name}: column {name}") for name in values])
    order = _price_order(block[_by_time(sheet, times[0])], sheet.name)
    prices = {role: values[place] for role, place in order.items()}
    volume = _volume(block, values)
    return Roles(times=tuple(times), prices=prices, volumes=((volume, ""),) if volume else (), symbol=symbol)


def _by_time(sheet: Sheet, name: str) -> np.ndarray:
    """Return the rows' order in time: newest first, an open would look like the close before."""
    try:
        ms = times_of(sheet.columns[name], name, "").ms
    except BadInput:
        return np.arange(sheet.rows)
    return np.argsort(ms, kind="stable")


def _price_order(block: np.ndarray, name: str) -> dict[str, int]:
    """Return the places of open, high, low, close among the first four columns."""
    prices = block[np.isfinite(block[:, :4]).all(axis=1), :4]
    if len(prices) < _FEWEST_ROWS:
        raise BadInput(f"{name} has no header and {len(prices)} rows, too few to tell the columns' order; {_ASK}")
    moving = prices[prices.max(axis=1) > prices.min(axis=1)]
    if not len(moving):
        return {"open": 0, "high": 1, "low": 2, "close": 3}  # four equal prices: the order changes nothing
    highs = [place for place in range(4) if (moving[:, place] >= moving.max(axis=1)).mean() >= _SURE]
    lows = [place for place in range(4) if (moving[:, place] <= moving.min(axis=1)).mean() >= _SURE]
    if len(highs) != 1 or len(lows) != 1:
        raise BadInput(
            f"{name} has no header and its columns 2 to 5 are not open, high, low, close in any order; {_ASK}"
        )
    first, second = (place for place in range(4) if place not in (highs[0], lows[0]))
    forward = np.median(np.abs(np.log(prices[1:, first] / prices[:-1, second])))
    backward = np.median(np.abs(np.log(prices[1:, second] / prices[:-1, first])))
    if forward > backward and not np.isclose(forward, backward, rtol=0.05):
        first, second = second, first
    elif np.isclose(forward, backward, rtol=0.05) and (highs[0], lows[0]) not in ((1, 2), (2, 3), (1, 0)):
        raise BadInput(f"{name} has no header and its open and close cannot be told apart; {_ASK}")
    return {"open": first, "high": highs[0], "low": lows[0], "close": second}


def _volume(block: np.ndarray, values: list[str]) -> str:
    """Return the column after the prices, or the one after a volume-weighted price."""
    if block.shape[1] < 5:
        return ""
    low, high = block[:, :4].min(axis=1), block[:, :4].max(axis=1)
    known = block[:, 4] > 0
    is_price = known.any() and ((block[known, 4] >= low[known]) & (block[known, 4] <= high[known])).mean() > 0.95
    if is_price and block.shape[1] > 5:
        return values[5]
    return values[4]


def _is_text(column: pa.ChunkedArray, decimal: str) -> bool:
    if not pa.types.is_string(column.type):
        return False
    try:
        numbers(column.slice(0, 50), decimal, "")
    except BadInput:
        return True
    return False


def _is_constant(column: pa.ChunkedArray) -> bool:
    return len(pc.unique(column)) == 1


def _has_digit_start(sheet: Sheet, name: str) -> bool:
    return str(sheet.columns[name][0].as_py() or "")[:1].isdigit()


def _is_clock(column: pa.ChunkedArray) -> bool:
    """Whether a column holds times of day, "00:00" or "00:00:00"."""
    if not pa.types.is_string(column.type):
        return pa.types.is_time(column.type)
    first = column.slice(0, 20).to_pylist()
    return all(isinstance(cell, str) and len(cell) <= 12 and cell.count(":") >= 1 for cell in first)
