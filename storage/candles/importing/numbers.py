"""Numbers as people and programs write them: thousands, decimal commas, K and M, currency signs, empty cells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from strategies.errors import BadInput

EMPTY: Final = ("", "nan", "NaN", "NAN", "null", "NULL", "None", "none", "n/a", "N/A", "NA", "-", "--")
_SCALES: Final = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
_DRESS: Final = re.compile(r"(?<=\d)\s?(USDT|USDC|BUSD|USD)$|[\s\u00a0\u202f'’$€£₺₩¥]")
_SHORT: Final = re.compile(r"^(.*\d)\s*([KMBT])$", re.IGNORECASE)


def is_number(text: str) -> bool:
    """Whether a cell holds a number in any of the spellings, or nothing."""
    if text.strip() in EMPTY:
        return True
    for decimal in (".", ","):
        with suppress(ValueError):
            parsed(text, decimal)
            return True
    return False


def parsed(text: str, decimal: str) -> float:
    """Return one cell's number; ValueError when it is none, NaN when it is empty."""
    bare = _DRESS.sub("", text)
    if bare in EMPTY:
        return float("nan")
    scale = 1.0
    if short := _SHORT.match(bare):
        bare, scale = short[1], _SCALES[short[2].upper()]
    other = "," if decimal == "." else "."
    if other in bare:
        if not re.fullmatch(rf"[+-]?\d{{1,3}}(\{other}\d{{2,3}})*\{other}\d{{3}}(\{decimal}\d*)?", bare):
            raise ValueError(text)
        bare = bare.replace(other, "")
    return float(bare.replace(decimal, ".")) * scale


def decimal_of(cells: Sequence[str], name: str, asked: str) -> str:
    """Return "." or ",": how the text cells of a file write fractions.

    Raises:
        BadInput: "12,345" alone may be both, and nobody said which.
    """
    if asked:
        return "," if asked == "comma" else "."
    bare = [_DRESS.sub("", cell) for cell in cells]
    with_comma = [cell for cell in bare if "," in cell]
    if not with_comma:
        return "."
    for cell in with_comma:
        if "." in cell:
            return "," if cell.rindex(",") > cell.rindex(".") else "."
    if any(not re.fullmatch(r"[+-]?[1-9]\d{0,2}(,\d{3})+", cell) for cell in with_comma):
        return ","
    if any("." in cell for cell in bare) or any(cell.count(",") > 1 for cell in with_comma):
        return "."
    raise BadInput(f"{name}: {with_comma[0]!r} may mean thousands or a fraction; --decimal point or --decimal comma")


def decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column with categories, bytes and long texts as plain values."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_large_string(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        try:
            return column.cast(pa.string())
        except pa.ArrowInvalid:  # not UTF-8: what cannot be read is no number, and is named as a text that is none
            texts = [None if cell is None else cell.decode("utf-8", "replace") for cell in column.to_pylist()]
            return pa.chunked_array([pa.array(texts, pa.string())])
    return column


def texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column as text, without the spaces, apostrophes and ="…" that spreadsheets put around it."""
    text = pc.utf8_trim_whitespace(decoded(column).cast(pa.string()))
    marks = pc.or_(pc.starts_with(text, "'"), pc.starts_with(text, "="))
    if not pc.any(marks).as_py():
        return text
    return pc.replace_substring_regex(text, r"^=?[\"']*(.*?)[\"']*$", r"\1")


def numbers(column: pa.ChunkedArray, decimal: str, what: str) -> np.ndarray:
    """Return (n,) float64, NaN where a cell is empty.

    Raises:
        BadInput: a cell holds something else; `what` begins the message.
    """
    column = decoded(column)
    kind = column.type
    if pa.types.is_float32(kind) or pa.types.is_float16(kind):
        return _shortest(column.to_numpy())
    if pa.types.is_floating(kind) or pa.types.is_integer(kind):
        return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), np.float64)
    if pa.types.is_decimal(kind):  # by way of its digits: Arrow's own division is off by a bit
        return np.asarray(column.cast(pa.string()).cast(pa.float64()).to_numpy(), np.float64)
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan)
    if not pa.types.is_string(kind):
        raise BadInput(f"{what} holds {kind}; numbers are needed")
    text = texts(column)
    text = pc.if_else(pc.is_in(text, pa.array(EMPTY)), pa.scalar(None, pa.string()), text)
    if decimal == ".":
        try:
            return np.asarray(text.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
        except pa.ArrowInvalid:
            pass
    found = np.empty(len(text), np.float64)
    for row, cell in enumerate(text.to_pylist()):
        try:
            found[row] = np.nan if cell is None else parsed(cell, decimal)
        except ValueError as error:
            raise BadInput(f"{what} holds {cell!r} in row {row + 1}; numbers are needed") from error
    return found


def _shortest(values: np.ndarray) -> np.ndarray:
    """Return float32 as the decimals they were written from: 100.35, not 100.3499984741211."""
    narrow = np.asarray(values, np.float32)
    return narrow.astype("U32").astype(np.float64)
