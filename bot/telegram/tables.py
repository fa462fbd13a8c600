"""Text tables: aligned tables in <pre>, pairs of names and values, and texts that fit Telegram's limits.

A phone shows 36 columns of fixed width; a longer line would be wrapped in the middle of a number.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from html import escape
from typing import Final

from storage.language import _

LONGEST_TEXT: Final = 4_096
COLUMNS: Final = 36
NARROWEST: Final = 4  # characters a column keeps when it is cut
_LONGEST_NOTICE: Final = 16  # of "… shortened" in any language, with its line end


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], align: str = "") -> str:
    """Return an aligned table in <pre>; the widest columns of words are cut where it would not fit.

    Args:
        headers: a name for each column.
        rows: cells as text.
        align: "<" or ">" for each column; by default the first to the left, the others to the right.
    """
    columns = align or "<" + ">" * (len(headers) - 1)
    lines = [list(headers), *(list(row) for row in rows)]
    widths = _fitting([max(len(line[column]) for line in lines) for column in range(len(headers))], columns)
    return pre("\n".join(_line(line, widths, columns) for line in lines))


def pairs(values: Sequence[tuple[str, str]]) -> str:
    """Return names and values in two columns in <pre>; long values go on below themselves."""
    width = max((len(name) for name, _value in values), default=0)
    lines = []
    for name, value in values:
        parts = textwrap.wrap(value, max(NARROWEST, COLUMNS - width - 2)) or [""]
        lines += [f"{name if not number else '':<{width}}  {part}".rstrip() for number, part in enumerate(parts)]
    return pre("\n".join(lines))


def pre(text: str) -> str:
    """Return text in a fixed-width block, its long lines wrapped."""
    return f"<pre>{escape(chr(10).join(_wrapped(line) for line in text.splitlines()), quote=False)}</pre>"


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
    kept = text[: limit - _LONGEST_NOTICE - len("</pre>")]
    kept = kept[: kept.rfind("\n")] if "\n" in kept else kept[: kept.rfind(" ")]
    closing = "".join(f"</{tag}>" for tag in ("pre", "b", "i") if kept.count(f"<{tag}>") > kept.count(f"</{tag}>"))
    return f"{kept}{closing}\n{_('… shortened')}"


def _fitting(widths: list[int], columns: str) -> list[int]:
    """Return widths that fit; words are cut before numbers."""
    while sum(widths) + len(widths) - 1 > COLUMNS:
        wide = [number for number, side in enumerate(columns) if side == "<" and widths[number] > NARROWEST]
        wide = wide or [number for number, width in enumerate(widths) if width > NARROWEST]
        if not wide:
            break
        widths[max(wide, key=lambda number: (widths[number], number))] -= 1
    return widths


def _line(cells: Sequence[str], widths: Sequence[int], columns: str) -> str:
    padded = (f"{_cut(cell, width):{side}{width}}" for cell, side, width in zip(cells, columns, widths, strict=True))
    return " ".join(padded).rstrip()


def _cut(cell: str, width: int) -> str:
    return cell if len(cell) <= width else f"{cell[: width - 1]}…"


def _wrapped(line: str) -> str:
    if len(line) <= COLUMNS:
        return line
    indent = line[: len(line) - len(line.lstrip())]
    return "\n".join(
        textwrap.wrap(line, COLUMNS, subsequent_indent=f"{indent}  ", drop_whitespace=True, break_on_hyphens=False)
    )
