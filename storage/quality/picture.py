"""A picture of the data check: closes over time, with a mark where something was found. Works without a network."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from storage.charts.chart import Chart, Colour, Series
from storage.charts.page import placed, scripts, style
from storage.durable import replace_files
from storage.quality.check import Report
from strategies.errors import StorageFailed
from strategies.market import CLOSE, OPEN_MS, CandleArray

POINTS: Final = 4_000  # of the line; marks are always drawn where they are
MOST_MARKS: Final = 2_000  # of one check: where there are more, each tells no more than its neighbour
_COLOURS: Final[dict[str, Colour]] = {"fatal": "bad", "quarantine": "amber", "flag": "violet", "note": "grey"}


def write_picture(path: Path, charts: Sequence[tuple[str, CandleArray, Report]]) -> None:
    """Write one HTML file with a chart per series.

    Args:
        path: of the file; replaced atomically.
        charts: name, candles (n, 6) and report of each series.

    Raises:
        StorageFailed: the file cannot be written.
    """
    if not path.parent.is_dir():
        raise StorageFailed(f"{path} cannot be written: {path.parent} is not a folder")
    pieces = [
        f"<h2>{html.escape(name)}</h2>{placed(position, chart_of(name, candles, report))}"
        for position, (name, candles, report) in enumerate(charts)
        if len(candles)
    ]
    head = f'<meta charset="utf-8"><title>Data check</title><style>{style()}</style>'
    body = f"<h1>Data check</h1>{''.join(pieces)}{scripts()}"
    page = f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>'

    def write(stage: Path) -> None:
        stage.write_text(page, encoding="utf-8")

    replace_files([(path, write)])


def chart_of(name: str, candles: CandleArray, report: Report) -> Chart:
    """Return the chart of one series: its closes, thinned to `POINTS`, and a mark per finding and time."""
    ordered = candles[np.isfinite(candles[:, OPEN_MS])]
    ordered = ordered[np.argsort(ordered[:, OPEN_MS], kind="stable")]
    thinned = ordered[:: max(1, len(ordered) // POINTS)]
    series = [Series(name="close", style="line", times=thinned[:, OPEN_MS], values=thinned[:, CLOSE])]
    for finding in report.findings:
        times = np.sort(np.asarray(finding.times_ms, np.int64))
        times = times[:: max(1, len(times) // MOST_MARKS)]
        rows = np.clip(np.searchsorted(ordered[:, OPEN_MS], times), 0, len(ordered) - 1)
        series.append(
            Series(
                name=f"{finding.severity}: {finding.check} ({len(finding.times_ms)})",
                style="points",
                times=times,
                values=ordered[rows, CLOSE],
                colour=_COLOURS[finding.severity],
            )
        )
    return Chart(series=series, height=480, logarithmic=True, name=name)
