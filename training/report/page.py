"""The page around a report: one self-contained HTML file that opens without a network, light or dark.

A content security policy forbids every outside connection, so a report
can be passed on as it is. Knows nothing of what it shows.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from storage.charts.chart import Chart
from storage.charts.page import placed, scripts, style
from storage.durable import replace_files
from storage.language import N_, _, language, translated

BUILTIN: Final = "builtin"
DEMO: Final = N_("Demo market: generated candles with a planted edge. Nothing below says anything about a real market.")
_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading, text that is HTML already, and charts below it."""

    title: str
    body: str = ""
    charts: tuple[Chart, ...] = ()


def page(title: str, subtitle: str, sections: Sequence[Section], *, exchange: str = "", warning: str = "") -> str:
    """Return the whole HTML document.

    Args:
        title: plain text, also the browser's title.
        subtitle: plain text under it.
        sections: in reading order.
        exchange: whose candles; where they are generated, the page says so above everything.
        warning: plain text in a banner above everything; empty for none.
    """
    assets = files("training.report")
    notes = [_(DEMO) if exchange == BUILTIN else "", warning]
    banner = "".join(f'<p class="warning" role="alert">{html.escape(note)}</p>' for note in notes if note)
    number = 0
    parts = []
    for section in sections:
        charts = []
        for chart in section.charts:
            charts.append(placed(number, chart))
            number += 1
        body = "\n".join([f"<h2>{html.escape(translated(section.title))}</h2>", section.body, *charts])
        parts.append(f"<section>{body}</section>")
    toggle = f'<button id="theme" type="button">{html.escape(_("light / dark"))}</button>'
    return "\n".join(
        [
            f'<!doctype html><html lang="{language()}"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{html.escape(title)}</title><style>{style()}{(assets / 'page.css').read_text()}</style></head>",
            "<body>",
            f"<header>{toggle}<h1>{html.escape(title)}</h1><p>{html.escape(subtitle)}</p></header><main>{banner}",
            *parts,
            f"{scripts()}</main></body></html>",
        ]
    )


def write_page(path: Path, content: str) -> None:
    """Write a page through a temporary name; the folder is created.

    Raises:
        StorageFailed: the file could not be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_files([(path, lambda staged: _write_text(staged, content))])


def _write_text(path: Path, content: str) -> None:
    path.write_text(content, encoding="utf-8")
