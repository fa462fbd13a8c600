"""Tidy text for a phone: aligned tables in <pre>, pairs of names and values, and texts that fit Telegram's limit."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

LONGEST_TEXT: Final = 4_096
_SHORTENED: Final = "\n… shortened"


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], align: str = "") -> str:
    """Return an aligned table in <pre>.

    Args:
        headers: a name for each column.
        rows: cells as text.
        align: "<" or ">" for each column; by default the first to the left, the others to the right.
    """
    columns = align or "<" + ">" * (len(headers) - 1)
    lines = [list(headers), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headers))]
    return pre("\n".join(_line(line, widths, columns) for line in lines))


def pairs(values: Sequence[tuple[str, str]]) -> str:
    """Return names and values in two columns in <pre>."""
    width = max((len(name) for name, _ in values), default=0)
    return pre("\n".join(f"{name:<{width}}  {value}" for name, value in values))


def pre(text: str) -> str:
    """Return text in a fixed-width block."""
    return f"<pre>{escape(text, quote=False)}</pre>"


def bold(text: str) -> str:
    """Return escaped text in bold."""
    return f"<b>{escape(text, quote=False)}</b>"


def plain(text: str) -> str:
    """Return escaped text."""
    return escape(text, quote=False)


def fitted(text: str, limit: int = LONGEST_TEXT) -> str:
    """Return a text cut at a line end so that it fits, its block closed."""
    if len(text) <= limit:
        return text
    kept = text[: limit - len(_SHORTENED) - len("</pre>")]
    kept = kept[: kept.rfind("\n")] if "\n" in kept else kept[: kept.rfind(" ")]
    closing = "</pre>" if kept.count("<pre>") > kept.count("</pre>") else ""
    return f"{kept}{closing}{_SHORTENED}"


def _line(cells: Sequence[str], widths: Sequence[int], columns: str) -> str:
    padded = (f"{cell:{side}{width}}" for cell, side, width in zip(cells, columns, widths, strict=True))
    return " ".join(padded).rstrip()
