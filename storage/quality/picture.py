"""A picture of the data check: closes over time, with a mark where something was found. Works without a network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from storage.durable import replace_files
from storage.quality.check import Report
from strategies.errors import StorageFailed
from strategies.market import CLOSE, OPEN_MS, CandleArray

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

POINTS: Final = 4_000  # of the line; marks are always drawn where they are
_COLOURS: Final = {"fatal": "#c62828", "quarantine": "#ef6c00", "flag": "#f9a825", "note": "#607d8b"}


def write_picture(path: Path, charts: Sequence[tuple[str, CandleArray, Report]]) -> None:
    """Write one HTML file with a chart per series; plotly.js is inside.

    Args:
        path: of the file; replaced atomically.
        charts: name, candles (n, 6) and report of each series.

    Raises:
        StorageFailed: the file cannot be written.
    """
    if not path.parent.is_dir():
        raise StorageFailed(f"{path} cannot be written: {path.parent} is not a folder")
    pieces = [
        figure_of(name, candles, report).to_html(full_html=False, include_plotlyjs=position == 0)
        for position, (name, candles, report) in enumerate(charts)
        if len(candles)
    ]
    page = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Data check</title>{"".join(pieces)}</html>'

    def write(stage: Path) -> None:
        stage.write_text(page, encoding="utf-8")

    replace_files([(path, write)])


def figure_of(name: str, candles: CandleArray, report: Report) -> Figure:
    """Return the chart of one series: its closes, thinned to `POINTS`, and a mark per finding and time."""
    from plotly import graph_objects

    ordered = candles[np.isfinite(candles[:, OPEN_MS])]
    ordered = ordered[np.argsort(ordered[:, OPEN_MS], kind="stable")]
    thinned = ordered[:: max(1, len(ordered) // POINTS)]
    figure = graph_objects.Figure()
    figure.add_scattergl(
        x=_dates(thinned[:, OPEN_MS]),
        y=thinned[:, CLOSE],
        mode="lines",
        name="close",
        line={"width": 1, "color": "#1565c0"},
    )
    for finding in report.findings:
        rows = np.clip(np.searchsorted(ordered[:, OPEN_MS], finding.times_ms), 0, len(ordered) - 1)
        figure.add_scattergl(
            x=_dates(finding.times_ms),
            y=ordered[rows, CLOSE],
            mode="markers",
            name=f"{finding.severity}: {finding.check} ({len(finding.times_ms)})",
            marker={"size": 7, "color": _COLOURS[finding.severity]},
            visible=True if finding.severity != "note" else "legendonly",
        )
    figure.update_layout(title=name, template="plotly_white", height=480, yaxis_type="log")
    return figure


def _dates(times_ms: np.ndarray) -> np.ndarray:
    return times_ms.astype(np.int64).astype("datetime64[ms]")
