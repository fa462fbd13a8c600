"""Columns of a file without header: the high is never below, the open follows the close before."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from storage.candles.importing.columns import Roles
from storage.candles.importing.numbers import numbers
from storage.candles.importing.pairs import is_pair
from storage.candles.importing.sheet import Sheet
from storage.candles.importing.times import times_of
from strategies.errors import BadInput

_FEWEST_ROWS: Final = 5
_MOST_ROWS: Final = 20_000  # more tell no more about the order
_SURE: Final = 0.999
_WIDEST: Final = 4.0  # high over low of a usual candle; four columns further apart are no prices of one thing
_ASK: Final = "--columns time=1,open=2,high=3,low=4,close=5,volume=6 says it"
_KNOWN_ENDS: Final = ((1, 2), (2, 3), (1, 0))  # places of high and low in o h l c, o c h l and l h o c


def data_roles(sheet: Sheet, decimal: str) -> Roles:
    """Return the roles of a file without header.

    Raises:
        BadInput: the values do not tell the order; `--columns` must.
    """
    sheet = replace(sheet, columns={name: column.slice(0, _MOST_ROWS) for name, column in sheet.columns.items()})
    names = [name for name in sheet.columns if not pa.types.is_boolean(sheet.columns[name].type)]
    texts = [name for name in names if _is_text(sheet.columns[name], decimal)]
    symbol = next((name for name in texts if _is_symbol(sheet.columns[name])), "")
    times = _times(sheet, [name for name in names if name != symbol])
    values = [name for name in names if name not in (*texts, *times)]
    if len(values) < 4:
        raise BadInput(f"{sheet.name} has no header and {len(names)} columns; a time and four prices are needed")
    block = np.column_stack([numbers(sheet.columns[name], decimal, f"{sheet.name}: column {name}") for name in values])
    order, start = _prices(block[_by_time(sheet, times[0])], sheet.name)
    volume = _volume(block, start)
    extras = [name for place, name in enumerate(values) if not start <= place < start + 4 and place != volume]
    return Roles(
        times=times,
        prices={role: values[start + place] for role, place in order.items()},
        volumes=((values[volume], ""),) if volume is not None else (),
        extras=tuple(extras),
        symbol=symbol,
    )


def _times(sheet: Sheet, names: list[str]) -> tuple[str, ...]:
    """Return the first column that holds times, or the first at all; with a clock where one stands beside it."""
    found = names[0]
    for name in names[:2]:
        try:
            times_of(sheet.columns[name], name, "mdy")
        except BadInput:
            continue
        found = name
        break
    place = names.index(found) + 1
    return (found, names[place]) if place < len(names) and is_clock(sheet.columns[names[place]]) else (found,)


def _by_time(sheet: Sheet, name: str) -> np.ndarray:
    """Return the rows' order in time: newest first, an open would look like the close before."""
    try:
        ms = times_of(sheet.columns[name], name, "").ms
    except BadInput:
        return np.arange(sheet.rows)
    return np.argsort(ms, kind="stable")


def _prices(block: np.ndarray, name: str) -> tuple[dict[str, int], int]:
    """Return the places of open, high, low, close among four neighbouring columns, and where those begin.

    Of several fours that could be candles the one with the narrowest candles is: a volume beside them is wider.
    """
    refused: BadInput | None = None
    best: tuple[float, dict[str, int], int] | None = None
    for start in range(block.shape[1] - 3):
        try:
            width, order = _price_order(block[:, start : start + 4], name)
        except BadInput as error:
            refused = refused or error
            continue
        if best is None or width < best[0]:
            best = (width, order, start)
    if best is None:
        raise refused or BadInput(f"{name} has no header and no four columns of prices; {_ASK}")
    return best[1], best[2]


def _price_order(four: np.ndarray, name: str) -> tuple[float, dict[str, int]]:
    """Return the usual height of the candles, and the places of open, high, low, close."""
    prices = four[np.isfinite(four).all(axis=1)]
    if len(prices) < _FEWEST_ROWS:
        raise BadInput(f"{name} has no header and {len(prices)} rows, too few to tell the columns' order; {_ASK}")
    no_order = BadInput(
        f"{name} has no header and its columns 2 to 5 are not open, high, low, close in any order; {_ASK}"
    )
    if (prices <= 0).mean() > 0.5:
        raise no_order
    sound = prices[(prices > 0).all(axis=1)]
    width = float(np.median(sound.max(axis=1) / sound.min(axis=1))) if len(sound) else np.inf
    moving = prices[prices.max(axis=1) > prices.min(axis=1)]
    if not len(moving):
        return 1.0, {"open": 0, "high": 1, "low": 2, "close": 3}  # four equal prices: the order changes nothing
    highs = [place for place in range(4) if (moving[:, place] >= moving.max(axis=1)).mean() >= _SURE]
    lows = [place for place in range(4) if (moving[:, place] <= moving.min(axis=1)).mean() >= _SURE]
    if len(highs) != 1 or len(lows) != 1 or width > _WIDEST:
        raise no_order
    first, second = (place for place in range(4) if place not in (highs[0], lows[0]))
    forward = _jump(sound[1:, first], sound[:-1, second])
    backward = _jump(sound[1:, second], sound[:-1, first])
    alike = bool(np.isclose(forward, backward, rtol=0.05))
    if alike and (highs[0], lows[0]) not in _KNOWN_ENDS:
        raise BadInput(f"{name} has no header and its open and close cannot be told apart; {_ASK}")
    if forward > backward and not alike:
        first, second = second, first
    return width, {"open": first, "high": highs[0], "low": lows[0], "close": second}


def _jump(opens: np.ndarray, closes_before: np.ndarray) -> float:
    return float(np.median(np.abs(np.log(opens / closes_before))))


def _volume(block: np.ndarray, start: int) -> int | None:
    """Return the place of the column after the prices, or of the one after a volume-weighted price."""
    after = start + 4
    if after >= block.shape[1]:
        return start - 1 if start else None
    low, high = block[:, start:after].min(axis=1), block[:, start:after].max(axis=1)
    known = block[:, after] > 0
    is_price = (
        known.any() and ((block[known, after] >= low[known]) & (block[known, after] <= high[known])).mean() > 0.95
    )
    return after + 1 if is_price and after + 1 < block.shape[1] else after


def _is_text(column: pa.ChunkedArray, decimal: str) -> bool:
    if not pa.types.is_string(column.type):
        return False
    try:
        numbers(column.slice(0, 50), decimal, "")
    except BadInput:
        return True
    return False


def _is_symbol(column: pa.ChunkedArray) -> bool:
    """Whether a column holds one word that names a market."""
    found = pc.unique(column).to_pylist()
    return len(found) == 1 and is_pair(str(found[0]))


def is_clock(column: pa.ChunkedArray) -> bool:
    """Whether a column holds times of day, "00:00" or "00:00:00"."""
    if not pa.types.is_string(column.type):
        return bool(pa.types.is_time(column.type))
    first = column.slice(0, 20).to_pylist()
    return all(isinstance(cell, str) and len(cell) <= 13 and cell.count(":") >= 1 for cell in first)
