"""An indicator call, run: "aroon(25)" read, looked up in pandas-ta-classic, and computed over candles.

Loads pandas, which a daemon without such features has no use for: imported where one is asked for.
"""

from __future__ import annotations

import inspect
import re
from typing import Any, Final

import numpy as np
import pandas as pd
import pandas_ta_classic as indicators

from strategies.errors import BadInput
from strategies.market import CandleArray

VERSION: Final = str(indicators.version)
_CALL: Final = re.compile(r"\s*([a-z_][a-z0-9_]*)\s*(?:\(\s*([0-9.,\s-]*)\))?\s*$")
_LOOK_AHEAD: Final = frozenset({"dpo", "ichimoku", "zigzag", "vp", "trend_return", "percent_return", "log_return"})


def run(call: str, candles: CandleArray) -> tuple[list[str], list[np.ndarray]]:
    """Return the names and the (n,) columns of an indicator over candles; none where they are too few.

    Raises:
        BadInput: it cannot be read, does not exist, or needs more than candles.
    """
    name, arguments = _parse(call)
    function = getattr(indicators, name, None)
    if not callable(function) or name not in {known for names in indicators.Category.values() for known in names}:
        raise BadInput(f"extra feature {call!r}: pandas-ta-classic has no indicator {name!r}")
    if name in _LOOK_AHEAD:
        raise BadInput(f"extra feature {call!r} is not an indicator of past candles; choose another")
    frame = pd.DataFrame(candles[:, 1:], columns=["open", "high", "low", "close", "volume"])
    frame.index = pd.to_datetime(candles[:, 0].astype(np.int64), unit="ms")
    try:
        result = function(**_series(function, frame), **_named(function, arguments))
    except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
        raise BadInput(f"extra feature {call!r} could not be computed: {error}") from error
    if result is None:
        return [], []
    table = result.to_frame() if isinstance(result, pd.Series) else result
    if not isinstance(table, pd.DataFrame):
        raise BadInput(f"extra feature {call!r} returns {type(result).__name__}; a column per bar is needed")
    return [str(column) for column in table.columns], [table[c].to_numpy(np.float64) for c in table.columns]


def _parse(call: str) -> tuple[str, list[float]]:
    match = _CALL.match(call)
    if match is None:
        raise BadInput(f"extra feature {call!r} cannot be read; write a name and numbers, like aroon(25)")
    try:
        arguments = [float(part) for part in (match[2] or "").split(",") if part.strip()]
    except ValueError as error:
        raise BadInput(f"extra feature {call!r} has an argument that is not a number") from error
    return match[1], arguments


def _parameters(function: Any) -> list[str]:
    return [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]


def _series(function: Any, frame: Any) -> dict[str, Any]:
    """Return the candle columns the indicator asks for by name."""
    return {
        name: frame["open" if name == "open_" else name]
        for name in _parameters(function)
        if name in ("open_", "open", "high", "low", "close", "volume")
    }


def _named(function: Any, arguments: list[float]) -> dict[str, float | int]:
    """Return positional numbers under the names of the indicator's own parameters, whole ones as int."""
    free = [n for n in _parameters(function) if n not in ("open_", "open", "high", "low", "close", "volume")]
    if len(arguments) > len(free):
        raise BadInput(f"{function.__name__} takes at most {len(free)} numbers, found {len(arguments)}")
    return {name: int(value) if value == int(value) else value for name, value in zip(free, arguments, strict=False)}
