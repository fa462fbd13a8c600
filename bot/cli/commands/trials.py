"""Live results of bundles that are watched beside the champion: the A/B part of `sigma models list` and `compare`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bot.cli.commands.ledger import open_ledger
from bot.values.shadow_results import LiveTrial, LiveTrials
from strategies.errors import SigmaError

if TYPE_CHECKING:
    from storage.config.tree import Config


def live_results(config: Config, names: Sequence[str] = (), *, running: bool = False) -> list[LiveTrial]:
    """Return every trial with its figures, oldest first; those of `names`, or those that go on, where that is asked.

    An account that was never opened has none.
    """
    try:
        ledger = open_ledger(config)
        from storage.ledger.shadow_trials import Shadows

        needed = config.validation.harm_likelihood_ratio
        found = LiveTrials(Shadows(ledger.database, ledger.account.id), needed, ledger.account.timeframe).all()
    except SigmaError:
        return []
    wanted = [part for part in found if not names or {part.bundle, part.champion} & set(names)]
    return [part for part in wanted if part.ended_ms is None or not running]


def live_table(trials: Sequence[LiveTrial]) -> Any:
    """Return the trials as a table."""
    from rich.table import Table

    columns = ("watched", "as", "beside", "days", "outcomes", "ratio for it", "for champion", "IC", "champion's")
    table = Table(*columns, "to decide", "in words", box=None, title="live, beside the champion", title_justify="left")
    for part in trials:
        ics = ["–" if value is None else f"{value:+.4f}" for value in (part.ic, part.champion_ic)]
        ratios = [f"{value:.3g}" for value in (part.likelihood_ratio, part.for_champion)]
        left = "–" if part.days_to_decide is None else f"{part.days_to_decide:,.0f} d"
        counts = (f"{part.days:,.1f}", f"{part.outcomes:,}")
        table.add_row(part.bundle, part.role, part.champion or "–", *counts, *ratios, *ics, left, part.text)
    return table
