"""`sigma ledger report`: the account as a page."""

from __future__ import annotations

from pathlib import Path

import typer

from storage.terminal.output import emit
from training.runtime.progress import configuration


def command(
    file: Path = typer.Option(Path("reports/ledger.html"), help="Where the page is written."),
) -> None:
    """Write the account's report as one HTML file that opens offline.

    Example: sigma ledger report --file ledger.html
    """
    from storage.language import speaking
    from storage.ledger.queries import Ledger
    from storage.open import read_account
    from training.report.ledger import ledger_report
    from training.report.page import write_page

    ledger = Ledger(*read_account(configuration()))
    with speaking(configuration().reports.language):
        write_page(file, ledger_report(ledger))
    emit({"file": str(file), "trades": len(ledger.trades())}, f"report written to {file}")
