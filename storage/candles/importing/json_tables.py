"""Tables in JSON of any shape: rows, objects, columns, keyed by time or by market, a document a line.

What stands around a table counts: `"symbol": "ETHUSDT"` beside the list, or a market's name as its key.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import pyarrow as pa

from storage.candles.importing.pairs import is_pair
from storage.candles.importing.sheet import Sheet
from storage.candles.importing.words import SPELLINGS, plain
from strategies.errors import BadInput

_FEWEST_CELLS: Final = 5
_DEEPEST: Final = 12
_QUOTED: Final = ("bid", "ask", "mark", "index")
_MESSAGES: Final = ("msg", "message", "error", "note", "information", "ret_msg", "detail", "error_message", "reason")


def json_sheets(data: bytes, name: str) -> list[Sheet]:
    """Return every table of candles or rates in a document.

    Raises:
        BadInput: it is no JSON, or holds no table; what an exchange answered instead is quoted.
    """
    found = _document(data, name)
    made = [
        Sheet(
            name=name, columns=_columns(table, name), has_header=isinstance(table, dict), layout="JSON", ticker=ticker
        )
        for table, ticker in _tables(found, "", 0)
    ]
    if not made:
        said = _message(found)
        raise BadInput(f"{name} holds no list of candles" + (f"; it says {said[:160]!r}" if said else ""))
    return made


def _document(data: bytes, name: str) -> Any:
    try:
        return json.loads(data)
    except RecursionError as error:
        raise BadInput(f"{name} cannot be read, it is nested too deeply") from error
    except ValueError as error:
        lines = [line for line in data.split(b"\n") if line.strip()]
        with suppress(ValueError, RecursionError):
            if len(lines) > 1:
                return [json.loads(line) for line in lines]
        raise BadInput(f"{name} cannot be read, it is truncated or not JSON: {error}") from error


Table = list[list[Any]] | dict[str, list[Any]]


def _tables(found: Any, ticker: str, depth: int) -> Iterator[tuple[Table, str]]:
    """Yield tables as rows or as columns, each with the market that is named around it."""
    if depth > _DEEPEST:
        return
    if isinstance(found, list):
        yield from _tables_of_list(found, ticker, depth)
    elif isinstance(found, dict):
        ticker = _ticker_of(found) or ticker
        table = _split(found) or _by_column(found) or _by_key(found)
        if table:
            yield table, ticker
            return
        for key, value in found.items():
            yield from _tables(value, key if is_pair(key) and isinstance(value, list | dict) else ticker, depth + 1)


def _tables_of_list(found: list[Any], ticker: str, depth: int) -> Iterator[tuple[Table, str]]:
    first = found[0] if found else None
    if isinstance(first, list) and not any(isinstance(cell, list | dict) for cell in first):
        yield found, ticker
        return
    if isinstance(first, dict):
        flat = [_flat(row) for row in found if isinstance(row, dict)]
        if _has_prices(flat[0]):
            names = dict.fromkeys(name for row in flat for name in row)
            yield {name: [row.get(name) for row in flat] for name in names}, ticker
            return
    for value in found if isinstance(first, list | dict) else []:
        yield from _tables(value, ticker, depth + 1)


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """Return an object with the fields of its objects beside its own: {"t": …, "mid": {"o": …}}.

    Quotes keep their name, and so do fields of one name in several objects: a bid is no price of a trade.
    """
    made: dict[str, Any] = {}
    counts = Counter(inner for value in row.values() if isinstance(value, dict) for inner in value)
    for name, value in row.items():
        if isinstance(value, dict):
            for inner, deeper in value.items():
                plainly = inner not in row and counts[inner] == 1 and name.lower() not in _QUOTED
                made[inner if plainly else f"{name}.{inner}"] = deeper
        else:
            made[name] = value
    return {name: value for name, value in made.items() if not isinstance(value, list | dict)}


def _has_prices(row: dict[str, Any]) -> bool:
    words = {plain(name) for name in row}
    known = all(words & SPELLINGS[role] for role in ("open", "high", "low", "close")) or bool(words & SPELLINGS["rate"])
    return known or (len(row) >= _FEWEST_CELLS and any(isinstance(value, int | float) for value in row.values()))


def _split(found: dict[str, Any]) -> Table | None:
    """Return the table that pandas writes as {"columns": […], "index": […], "data": [[…]]}."""
    names, rows = found.get("columns"), found.get("data")
    if not isinstance(names, list) or not isinstance(rows, list) or not rows or not isinstance(rows[0], list):
        return None
    made = {str(name): [row[place] for row in rows] for place, name in enumerate(names) if place < len(rows[0])}
    index = found.get("index")
    return {"index": index, **made} if isinstance(index, list) and len(index) == len(rows) else made


def _by_column(found: dict[str, Any]) -> Table | None:
    """Return columns that stand beside one another, also some levels below: {"t": […], "quote": [{"open": […]}]}."""
    columns = dict(_lists(found, 0))
    lengths = [len(values) for values in columns.values()]
    usual = max(set(lengths), key=lengths.count, default=0)
    made = {name: values for name, values in columns.items() if len(values) == usual}
    return (
        made if _has_prices(dict.fromkeys(made, 0.0)) and {plain(name) for name in made} & SPELLINGS["open"] else None
    )


def _lists(found: dict[str, Any], depth: int) -> Iterator[tuple[str, list[Any]]]:
    for name, value in found.items():
        inner = value[0] if isinstance(value, list) and len(value) == 1 else value
        if isinstance(inner, dict) and depth < 4:
            yield from _lists(inner, depth + 1)
        elif isinstance(value, list) and value and not isinstance(value[0], list | dict):
            yield name, value


def _by_key(found: dict[str, Any]) -> Table | None:
    """Return rows keyed by time, or columns keyed by row: {"2024-06-01": {"open": …}}, {"open": {"0": …}}."""
    inner = [value for value in found.values() if isinstance(value, dict)]
    if not inner or len(inner) < len(found):
        return None
    words = {plain(name) for name in found}
    if (
        not words & SPELLINGS["open"]
        and _has_prices(inner[0])
        and not any(isinstance(value, list | dict) for value in inner[0].values())
    ):
        names = dict.fromkeys(name for row in inner for name in row)
        return {"index": list(found), **{name: [row.get(name) for row in inner] for name in names}}
    if _has_prices(dict.fromkeys(found, 0.0)):
        keys = list(inner[0])
        return {"index": keys, **{name: [column.get(key) for key in keys] for name, column in found.items()}}
    return None


def _ticker_of(found: dict[str, Any]) -> str:
    """Return the market that a field of a document names, its own or that of its meta block."""
    for name, value in found.items():
        if isinstance(value, str) and plain(name) in SPELLINGS["symbol"] and is_pair(value):
            return value
    meta = found.get("meta")
    return _ticker_of(meta) if isinstance(meta, dict) else ""


def _columns(table: Table, name: str) -> dict[str, pa.ChunkedArray]:
    if isinstance(table, dict):
        return {title: _array(values, name) for title, values in table.items()}
    widths = {len(row) if isinstance(row, list) else 0 for row in table}
    if len(widths) != 1 or min(widths) < _FEWEST_CELLS:
        raise BadInput(f"{name}: rows have {sorted(widths)} values; a time, four prices and a volume each")
    return {str(place + 1): _array([row[place] for row in table], name) for place in range(widths.pop())}


def _array(values: list[Any], name: str) -> pa.ChunkedArray:
    try:
        return pa.chunked_array([pa.array(values)])
    except (pa.ArrowException, OverflowError):
        pass
    try:
        return pa.chunked_array([pa.array([None if value is None else float(value) for value in values])])
    except (TypeError, ValueError) as error:
        raise BadInput(f"{name}: a column mixes numbers and text: {error}") from error


def _message(found: Any) -> str:
    """Return what an exchange or a seller of data answered in place of candles."""
    if not isinstance(found, dict):
        return ""
    said = [value for key, value in found.items() if plain(str(key)) in _MESSAGES and isinstance(value, str) and value]
    return said[0] if said else ""
