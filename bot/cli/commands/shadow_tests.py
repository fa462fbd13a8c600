"""Live results of bundles that are watched beside the champion: the A/B part of `sigma models list` and `compare`."""

from __future__ import annotations

from collections.abc import Sequence

from bot.cli.commands.ledger import open_ledger
from storage.lazy import lazily
from storage.terminal.output import width
from storage.terminal.table import Column, table
from strategies.errors import SigmaError

with lazily():
    from bot.values.shadow_results import ShadowTest, ShadowTests
    from storage.config.tree import Config
    from storage.ledger.shadows import Shadows


NAMES = {"nothing": "forecast of no return"}
ROLES = {"nothing": "harm stop", "benched": "on the bench"}


def live_results(config: Config, names: Sequence[str] = (), *, running: bool = False) -> list[ShadowTest]:
    """Return every shadow test, oldest first; those of `names`, or those that go on, where that is asked.

    An account that was never opened has none.
    """
    try:
        ledger = open_ledger(config)
        needed = config.validation.harm_likelihood_ratio
        found = ShadowTests(Shadows(ledger.database, ledger.account.id), needed, ledger.account.timeframe).all()
    except SigmaError:
        return []
    wanted = [part for part in found if not names or {part.bundle, part.champion} & set(names)]
    return [part for part in wanted if part.ended_ms is None or not running]


def live_table(tests: Sequence[ShadowTest]) -> str:
    """Return the tests as a table."""
    columns = (
        Column(name="shadow bundle", text=lambda part: NAMES.get(part.bundle, part.bundle)),
        Column(name="as", text=lambda part: ROLES.get(part.role, part.role), leaves=2),
        Column(name="beside", text=lambda part: part.champion or "–", leaves=5),
        Column(name="days", text=lambda part: f"{part.days:,.1f}", leaves=4, is_number=True),
        Column(name="outcomes", text=lambda part: f"{part.outcomes:,}", leaves=3, is_number=True),
        Column(name="likelihood ratio", text=lambda part: f"{part.likelihood_ratio:.3g}", leaves=1, is_number=True),
        Column(name="for champion", text=lambda part: f"{part.for_champion:.3g}", leaves=6, is_number=True),
        Column(name="IC", text=lambda part: _ic(part.ic), is_number=True),
        Column(name="champion's", text=lambda part: _ic(part.champion_ic), leaves=1, is_number=True),
        Column(name="to decide", text=_left, leaves=7, is_number=True),
        Column(name="verdict", text=lambda part: part.text, is_prose=True),
    )
    return "live, beside the champion\n" + table(columns, tests, width=width())


def _ic(value: float | None) -> str:
    return "–" if value is None else f"{value:+.4f}"


def _left(part: ShadowTest) -> str:
    return "–" if part.days_to_decide is None else f"{part.days_to_decide:,.0f} d"
