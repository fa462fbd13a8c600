"""HTML tables of figures, and how numbers are written for people.

Everything is escaped here and nowhere else. NaN reads as a dash: "undefined" is never shown as zero.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

from storage.language import N_, _, translated

MONTHS = (
    N_("Jan"),
    N_("Feb"),
    N_("Mar"),
    N_("Apr"),
    N_("May"),
    N_("Jun"),
    N_("Jul"),
    N_("Aug"),
    N_("Sep"),
    N_("Oct"),
    N_("Nov"),
    N_("Dec"),
)
UNDEFINED = "–"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A table cell: text, and whether it is good or bad news."""

    text: str
    tone: str = ""  # "", "good" or "bad"


def table(header: Sequence[str], rows: Sequence[Sequence[str | Cell]], words: Sequence[str] = ()) -> str:
    """Return an HTML table that scrolls sideways on a narrow screen.

    Args:
        header: a name for each column; the first is set to the left, the others, being numbers, to the right.
        rows: cells.
        words: names of columns that hold words, and are set to the left too.
    """
    styles = ["words" if name in words else "" for name in header]
    head = "".join(
        f'<th scope="col"{_class(style)}>{html.escape(translated(name))}</th>'
        for name, style in zip(header, styles, strict=True)
    )
    body = "".join("<tr>" + "".join(map(_cell, row, styles)) + "</tr>" for row in rows)
    scroll = '<div class="scroll" tabindex="0" role="group">'
    return f"{scroll}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def monthly_table(months: Sequence[tuple[str, float]]) -> str:
    """Return ("2024-06", return) pairs as a table: a row a year, a column a month, the year's return last."""
    years = sorted({month[:4] for month, _ in months})
    found = dict(months)
    rows: list[list[str | Cell]] = []
    for year in years:
        values = [found.get(f"{year}-{number:02d}", float("nan")) for number in range(1, 13)]
        total = math.prod(1.0 + value for value in values if math.isfinite(value)) - 1.0
        rows.append([year, *(signed_percent(value) for value in values), signed_percent(total)])
    return table([N_("year"), *MONTHS, N_("all")], rows)


def paragraph(text: str, style: str = "") -> str:
    """Return plain text as an HTML paragraph."""
    shown = html.escape(translated(text))
    return f'<p class="{style}">{shown}</p>' if style else f"<p>{shown}</p>"


def percent(value: float, places: int = 1) -> str:
    """Return a fraction as "12.3 %"."""
    return f"{100.0 * value:.{places}f} %" if math.isfinite(value) else UNDEFINED


def signed_percent(value: float, places: int = 1) -> Cell:
    """Return a fraction as "+12.3 %", toned by its sign."""
    if not math.isfinite(value):
        return Cell(text=UNDEFINED)
    return Cell(text=f"{100.0 * value:+.{places}f} %", tone="good" if value > 0 else "bad" if value < 0 else "")


def interval(low: float, high: float) -> str:
    """Return "0.33 to 2.10"; one dash where neither end is known."""
    if not (math.isfinite(low) or math.isfinite(high)):
        return UNDEFINED
    return _("{low} to {high}", low=number(low), high=number(high))


def number(value: float, places: int = 2) -> str:
    """Return a number with thousands separated."""
    if math.isnan(value):
        return UNDEFINED
    return "∞" if value == math.inf else f"{value:,.{places}f}"


def signed_number(value: float, places: int = 2) -> Cell:
    """Return a number as "+1,234.50", toned by its sign."""
    if not math.isfinite(value):
        return Cell(text=UNDEFINED)
    return Cell(text=f"{value:+,.{places}f}", tone="good" if value > 0 else "bad" if value < 0 else "")


def _cell(value: str | Cell, style: str = "") -> str:
    cell = Cell(text=value) if isinstance(value, str) else value
    return f"<td{_class(' '.join(filter(None, (style, cell.tone))))}>{html.escape(translated(cell.text))}</td>"


def _class(names: str) -> str:
    return f' class="{names}"' if names else ""
