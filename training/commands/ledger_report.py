"""`sigma ledger report`: the account as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from storage.lazy import lazily
from storage.terminal.options import Report
from storage.terminal.output import emit
from training.runtime.progress import configuration

with lazily():
    from storage.language import speaking
    from storage.ledger.queries import Ledger
    from storage.open import read_account
    from training.report.ledger import ledger_report
    from training.report.page import write_page

USUAL: Final = Path("reports/ledger.html")


def command(report: Report = USUAL) -> None:
    """Write the account's report as one HTML file that opens offline.

    Example: sigma ledger report --report ledger.html
    """
    file = report or USUAL
    ledger = Ledger(*read_account(configuration()))
    with speaking(configuration().reports.language):
        write_page(file, ledger_report(ledger))
    emit({"file": str(file), "trades": len(ledger.trades())}, f"report written to {file}")
