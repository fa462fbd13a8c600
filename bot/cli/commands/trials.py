"""Live results of bundles that are watched beside the champion: the A/B part of `sigma models list` and `compare`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from bot.cli.commands.ledger import open_ledger
from bot.views.shadow_results import LiveTrials
from storage.config.tree import Config
from storage.ledger.shadow_trials import Shadows
from strategies.errors import SigmaError


def live_results(config: Config, names: Sequence[str] = (), *, running: bool = False) -> list[dict[str, Any]]:
    """Return every trial with its figures, oldest first; those of `names`, or those that go on, where that is asked.

    An account that was never opened has none.
    """
    try:
        ledger = open_ledger(config)
        needed = config.validation.harm_likelihood_ratio
        found = LiveTrials(Shadows(ledger.database, ledger.account.id), needed, ledger.account.timeframe).all()
    except SigmaError:
        return []
    wanted = [part for part in found if not names or {part.bundle, part.champion} & set(names)]
    return [asdict(part) for part in wanted if part.ended_ms is None or not running]


def live_table(results: Sequence[dict[str, Any]]) -> Any:
    """Return the trials as a table."""
    from rich.table import Table

    columns = ("watched", "as", "beside", "days", "outcomes", "ratio for it", "for champion", "IC", "champion's")
    table = Table(*columns, "to decide", "in words", box=None, title="live, beside the champion", title_justify="left")
    for row in results:
        ics = ["–" if row[name] is None else f"{row[name]:+.4f}" for name in ("ic", "champion_ic")]
        ratios = [f"{row[name]:.3g}" for name in ("likelihood_ratio", "for_champion")]
        left = "–" if row["days_to_decide"] is None else f"{row['days_to_decide']:,.0f} d"
        counts = (f"{row['days']:,.1f}", f"{row['outcomes']:,}")
        table.add_row(row["bundle"], row["role"], row["champion"] or "–", *counts, *ratios, *ics, left, row["in_words"])
    return table
