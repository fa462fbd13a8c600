"""Tables for a terminal: columns leave by importance where the line is too short, and the rest is never cut.

The least important column goes first; a column of prose takes the width that is left and wraps. What was left out is
named below the table. Text in, text out: knows nothing of what is shown.
"""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

GAP: Final = "  "  # between columns
NARROWEST: Final = 16  # characters that a column of prose keeps


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column.

    Attributes:
        name: its heading.
        text: what a row shows in it.
        leaves: 0: it stays whatever the width; otherwise the column with the largest number is left out first.
        is_number: aligned to the right.
        is_prose: wraps where it has to.
    """

    name: str
    text: Callable[[Any], str]
    leaves: int = 0
    is_number: bool = False
    is_prose: bool = False


def terminal_width() -> int:
    """Return the columns of the terminal (`COLUMNS`, or as it says itself); 80 where there is none."""
    return shutil.get_terminal_size((80, 24)).columns


def fitted(text: str, width: int | None) -> str:
    """Return lines of at most `width` characters: longer ones go on in the next line, set in."""
    if width is None:
        return text
    inside = textwrap.TextWrapper(width, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
    inside.replace_whitespace = inside.drop_whitespace = False
    lines = (part.rstrip() for line in text.splitlines() for part in (inside.wrap(line) or [""]))
    return "\n".join(line for line in lines)


def table(columns: Sequence[Column], rows: Iterable[Any], *, width: int | None) -> str:
    """Return rows as lines of at most `width` characters.

    Args:
        columns: in their order from left to right.
        rows: anything the columns can show.
        width: of a line; None: as wide as it gets, with every column.
    """
    listed = list(rows)
    kept = [(column, [column.text(row) for row in listed]) for column in columns]
    kept = [(column, cells) for column, cells in kept if column.name or any(cells)]
    left_out: list[str] = []
    while width is not None and _least(kept, width) > width:
        going = max(kept, key=lambda part: part[0].leaves)
        if not going[0].leaves:
            break
        kept.remove(going)
        left_out.insert(0, going[0].name)
    lines = _lines(kept, width)
    if left_out:
        lines += _wrapped(f"left out: {', '.join(left_out)}; --wide shows them", width or 80)
    return "\n".join(lines)


def facts(pairs: Iterable[tuple[str, str]], *, width: int | None) -> str:
    """Return names and values as two columns; empty values are left out."""
    columns = [Column(name="", text=lambda pair: pair[0]), Column(name="", text=lambda pair: pair[1], is_prose=True)]
    shown = [pair for pair in pairs if pair[1]]
    return table(columns, shown, width=width).partition("\n")[2] if shown else ""


def _natural(part: tuple[Column, list[str]]) -> int:
    return max(len(text) for text in (part[0].name, *part[1]))


def _least(kept: Sequence[tuple[Column, list[str]]], width: int) -> int:
    """Return the width that these columns need when prose is as narrow as it may be."""
    widths = [min(_natural(part), NARROWEST) if part[0].is_prose else _natural(part) for part in kept]
    return sum(widths) + len(GAP) * (len(kept) - 1)


def _lines(kept: Sequence[tuple[Column, list[str]]], width: int | None) -> list[str]:
    widths = [_natural(part) for part in kept]
    if width is not None:
        over = sum(widths) + len(GAP) * (len(kept) - 1) - width
        for position in sorted(range(len(kept)), key=lambda index: -widths[index]):
            if over > 0 and kept[position][0].is_prose:
                given = min(over, max(0, widths[position] - NARROWEST))
                widths[position] -= given
                over -= given
    rows = [
        [column.name for column, _ in kept],
        *(list(row) for row in zip(*(cells for _, cells in kept), strict=True)),
    ]
    return [line for row in rows for line in _row(kept, row, widths)]


def _row(kept: Sequence[tuple[Column, list[str]]], row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Return one row as as many lines as its longest cell wraps to."""
    cells = [_wrapped(text, size) for text, size in zip(row, widths, strict=True)]
    lines = []
    for number in range(max(len(cell) for cell in cells)):
        parts = [cell[number] if number < len(cell) else "" for cell in cells]
        aligned = [
            part.rjust(size) if column.is_number else part.ljust(size)
            for (column, _), part, size in zip(kept, parts, widths, strict=True)
        ]
        lines.append(GAP.join(aligned).rstrip())
    return lines


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(width, 1), break_on_hyphens=False) or [""]
