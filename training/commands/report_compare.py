"""`sigma report compare`: several runs side by side, ours and imported ones."""

from __future__ import annotations

from pathlib import Path

import typer

from storage.terminal.output import emit, width
from training.runtime.progress import configuration, say


def command(
    runs: list[str] = typer.Argument(..., metavar="RUN RUN…", help="Ids of runs, or the beginnings of them."),
    file: Path = typer.Option(Path(), help="Also write the comparison to this HTML file; it works offline."),
) -> None:
    """Put runs side by side: period, money, return, risk, trades and costs, in the same words.

    Example: sigma report compare 3f2a91c0 77e1b2d4 --file compare.html
    """
    from storage.models.runs import find_run
    from training.report.compare import compared, page_of, summary

    folder = configuration().paths.runs
    rows = compared([find_run(folder, number) for number in runs])
    written = {}
    if file.name:
        from storage.language import speaking
        from training.report.page import write_page

        with speaking(configuration().reports.language):
            write_page(file, page_of(rows))
        written["file"] = str(file)
        say(f"comparison written to {file}")
    emit({"runs": [row.document() for row in rows], **written}, summary(rows, width()))
