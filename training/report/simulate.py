"""The simulation's HTML report and its terminal summary: verdict, what the bot did, then as of a backtest."""

from __future__ import annotations

import math

from rich.console import Group, RenderableType
from rich.table import Table

from storage.language import _
from training.backtest.run_candles import moment
from training.evidence.performance import EquityCurve
from training.report.backtest import result_sections, subtitle
from training.report.page import Section, page
from training.report.tables import Cell, interval, number, paragraph, percent, table
from training.simulation.card import SimulationCard
from training.simulation.simulate import Simulation
from training.walk_forward.card import benchmark_curves

HEADER = ("time", "what", "bundle", "why")


def simulation_report(simulation: Simulation, card: SimulationCard, curves: dict[str, EquityCurve]) -> str:
    """Return the report as one HTML document.

    Args:
        curves: of the benchmarks by name.
    """
    scores = card.scores
    words = paragraph(card.verdict, "verdict") + "".join(map(paragraph, card.notes))
    rows: list[list[str | Cell]] = [
        [moment(event.ms), event.kind, event.bundle, event.words] for event in simulation.events
    ]
    sections = [
        Section(title="Verdict", body=words),
        Section(title="What the bot did", body=table(HEADER, rows)),
        Section(title="What was tried", body=_tried(card)),
        *result_sections(simulation.result, scores, benchmark_curves(curves)),
    ]
    return page(
        _("Simulation of the self-training bot: {markets}", markets=", ".join(scores.symbols)),
        subtitle(scores),
        sections,
        exchange=scores.exchange,
    )


def simulation_summary(card: SimulationCard) -> RenderableType:
    """Return what `sigma simulate` prints."""
    scores = card.scores
    head = (
        f"the self-training bot on {', '.join(scores.symbols)} ({scores.exchange}), {moment(scores.start_ms)} to "
        f"{moment(scores.end_ms)} UTC, {scores.timeframe} decisions, settled on {scores.execution_timeframe} candles; "
        f"{card.duration_s:.0f} s"
    )
    beside = Table("", "net", "Sharpe", "drawdown", box=None, header_style="bold")
    named = [("self-training bot", scores.figures), *((part.name, part.figures) for part in scores.baselines)]
    for name, figures in named:
        sharpe = f"{figures.sharpe:.2f}" if math.isfinite(figures.sharpe) else "–"
        beside.add_row(name, f"{figures.total_return:+.1%}", sharpe, f"{figures.max_drawdown:.1%}")
    return Group(head, beside, *card.notes, card.verdict)


def _tried(card: SimulationCard) -> str:
    found = card.statistics
    rows: list[list[str | Cell]] = [
        ["configurations tried", str(found.trials)],
        ["P(true Sharpe > 0)", percent(found.probabilistic)],
        ["deflated, at all trials", percent(found.deflated)],
        ["deflated, at effective trials", percent(found.deflated_effective)],
        ["Sharpe that luck would show", number(found.luck_effective, 2)],
        ["95 % interval of the Sharpe", interval(found.sharpe_low, found.sharpe_high)],
    ]
    return table(("figure", "value"), rows)
