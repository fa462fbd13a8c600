"""`sigma report compare`: several runs side by side, ours and imported ones."""

from __future__ import annotations

from typing import Annotated

import typer

from storage.lazy import lazily
from storage.terminal.options import Report
from storage.terminal.output import emit, width
from training.runtime.progress import configuration, say

with lazily():
    from storage.language import speaking
    from storage.models.runs import find_run
    from training.report.compare import compared, page_of, summary
    from training.report.page import write_page


def command(
    runs: Annotated[list[str], typer.Argument(metavar="RUN RUN…", help="Ids of runs, or the beginnings of them.")],
    report: Report = None,
) -> None:
    """Put runs side by side: period, money, return, risk, trades and costs, in the same words.

    Example: sigma report compare 3f2a91c0 77e1b2d4 --report compare.html
    """
    folder = configuration().paths.runs
    rows = compared([find_run(folder, number) for number in runs])
    written = {}
    if report:
        with speaking(configuration().reports.language):
            write_page(report, page_of(rows))
        written["file"] = str(report)
        say(f"comparison written to {report}")
    emit({"runs": [row.document() for row in rows], **written}, summary(rows, width()))
