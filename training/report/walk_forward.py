"""The walk forward's HTML report and its terminal summary: verdict, folds, what was tried, then as of a backtest."""

from __future__ import annotations

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table

from storage.charts.chart import Chart
from storage.language import _
from training.backtest.refusals import few_trades
from training.backtest.run_candles import moment
from training.evidence.performance import EquityCurve
from training.report.backtest import result_sections, subtitle
from training.report.charts import bars
from training.report.page import Section, page
from training.report.panel import coin_rows, panel_rows
from training.report.tables import UNDEFINED, Cell, interval, number, paragraph, percent, signed_percent, table
from training.walk_forward.card import WalkForwardCard, benchmark_curves
from training.walk_forward.fold_figures import FoldFigures
from training.walk_forward.walk import WalkForward

UNDER_STRESS = ("", "IC", "Sharpe", "costs x 2", "one bar late", "trades", "weight")
COINS = ("", "days", "IC", "error", "believed", "slippage, bp")
HEADER = ("fold", "learns from", "to", "tested to", "IC", "net", "Sharpe", "drawdown", "trades", "held coins")


def walk_forward_report(walked: WalkForward, card: WalkForwardCard, curves: dict[str, EquityCurve]) -> str:
    """Return the report as one HTML document.

    Args:
        curves: of the benchmarks by name.
    """
    scores = card.scores
    words = paragraph(card.verdict, "verdict") + "".join(map(paragraph, card.notes))
    folds = table(HEADER, [_row(fold) for fold in card.folds] + [_spread(card)])
    sections = [
        Section(title="Verdict", body=words),
        Section(title="Folds", body=folds, charts=_charts(card)),
        *_panel_section(card),
        *_stress_section(card),
        Section(title="What was tried", body=_statistics(card)),
        *result_sections(walked.result, scores, benchmark_curves(curves)),
    ]
    title = _("Walk forward of {model}: {markets}", model=scores.model, markets=", ".join(scores.symbols))
    return page(title, subtitle(scores), sections, exchange=scores.exchange)


def walk_forward_summary(card: WalkForwardCard) -> RenderableType:
    """Return what `sigma walk-forward` prints."""
    scores = card.scores
    head = (
        f"walk forward of {scores.model} on {', '.join(scores.symbols)} ({scores.exchange}), "
        f"{moment(scores.start_ms)} to {moment(scores.end_ms)} UTC; decisions on {scores.timeframe}, settled on "
        f"{scores.execution_timeframe} candles; {scores.costs.fee_bps:g} bp fee and {scores.costs.slippage_bps:g} bp "
        "slippage a side, funding"
    )
    panel = [_plain_table(panel_rows(card.panel))] if card.panel else []
    tables = (_fold_table(card), _benchmark_table(card), *panel, *_stress_tables(card), _tried_table(card))
    refused = few_trades(scores.trades.trades, dict(scores.refusals))
    return Group(head, *tables, *refused, *card.notes, card.verdict)


def _row(fold: FoldFigures) -> list[str | Cell]:
    return [
        str(fold.number),
        moment(fold.train_from_ms)[:10],
        moment(fold.train_until_ms)[:10],
        moment(fold.end_ms)[:10],
        number(fold.ic, 3),
        signed_percent(fold.net_return),
        number(fold.sharpe),
        percent(fold.max_drawdown),
        f"{fold.trades:,}",
        signed_percent(fold.holding_return),
    ]


def _spread(card: WalkForwardCard) -> list[str | Cell]:
    steady = card.stability
    return [
        "mean ± spread",
        "",
        "",
        "",
        f"{number(steady.mean_ic, 3)} ± {number(steady.deviation_ic, 3)}",
        f"{signed_percent(steady.mean_return).text} ± {percent(steady.deviation_return)}",
        f"{number(steady.mean_sharpe)} ± {number(steady.deviation_sharpe)}",
        "",
        f"{sum(fold.trades for fold in card.folds):,}",
        signed_percent(float(np.mean([fold.holding_return for fold in card.folds]))),
    ]


def _charts(card: WalkForwardCard) -> tuple[Chart, ...]:
    starts = np.array([fold.start_ms for fold in card.folds])
    returns = bars(_("net return of a fold"), starts, np.array([fold.net_return for fold in card.folds]), "percent")
    return returns, bars(_("IC of a fold"), starts, np.array([fold.ic for fold in card.folds]), "ratio")


def _tried_rows(card: WalkForwardCard) -> list[tuple[str, str]]:
    found = card.statistics
    rows = [
        ("configurations tried, this one included", f"{found.trials:,}"),
        ("as many independent ones", number(found.effective, 1)),
        ("probability that the Sharpe is above zero", percent(found.probabilistic)),
        ("deflated at the effective number", percent(found.deflated_effective)),
        ("deflated at all trials", percent(found.deflated)),
        ("Sharpe that luck would show, effective / all", f"{number(found.luck_effective)} / {number(found.luck)}"),
        ("Sharpe, 95 % interval", interval(found.sharpe_low, found.sharpe_high)),
        ("record needed to know, years", number(found.record_years, 1)),
        (f"overfitting probability over {found.compared} trials", percent(found.overfitting_probability)),
    ]
    rows += [(f"p of not beating {name}", number(value, 3)) for name, value in found.superior.items()]
    rows += [(f"IC of {name}, raw scores", number(ic, 4)) for name, ic in card.family_ic.items()]
    gains = card.family_gain.items()
    return rows + [
        (f"IC that {name} adds to the first family", f"{gain.mean:+.4f} ± {gain.error:.4f}") for name, gain in gains
    ]


def _statistics(card: WalkForwardCard) -> str:
    return table(["", card.scores.model], [list(row) for row in _tried_rows(card)])


def _panel_section(card: WalkForwardCard) -> list[Section]:
    if card.panel is None:
        return []
    figures = table(["", card.scores.model], [list(row) for row in panel_rows(card.panel)])
    coins = table(COINS, [list(row) for row in coin_rows(card.panel)])
    return [
        Section(title="What the coins prove together", body=paragraph(card.panel.verdict, "verdict") + figures + coins)
    ]


def _stress_section(card: WalkForwardCard) -> list[Section]:
    if not card.contenders:
        return []
    return [
        Section(title="Alone and under stress", body=table(UNDER_STRESS, [list(row) for row in _stress_rows(card)]))
    ]


def _stress_tables(card: WalkForwardCard) -> list[Table]:
    if not card.contenders:
        return []
    shown = Table(box=None, pad_edge=False)
    for position, name in enumerate(UNDER_STRESS):
        shown.add_column(name, justify="right" if position else "left")
    for row in _stress_rows(card):
        shown.add_row(*row)
    return [shown]


def _stress_rows(card: WalkForwardCard) -> list[tuple[str, ...]]:
    return [
        (
            row.name,
            number(row.ic, 4),
            number(row.sharpe),
            number(row.sharpe_double_costs),
            number(row.sharpe_one_bar_late),
            UNDEFINED if row.trades is None else f"{row.trades:,}",
            percent(row.weight, 0),
        )
        for row in card.contenders
    ]


def _fold_table(card: WalkForwardCard) -> Table:
    shown = Table(box=None, pad_edge=False)
    for name in HEADER:
        shown.add_column(name, justify="right")
    for row in [_row(fold) for fold in card.folds] + [_spread(card)]:
        shown.add_row(*(cell if isinstance(cell, str) else cell.text for cell in row))
    return shown


def _benchmark_table(card: WalkForwardCard) -> Table:
    scores = card.scores
    shown = Table(box=None, pad_edge=False)
    for position, name in enumerate(("", "net", "a year", "Sharpe", "drawdown", "correlation")):
        shown.add_column(name, justify="right" if position else "left")
    rows = [(scores.model, scores.figures, 1.0)]
    rows += [(part.name, part.figures, part.correlation) for part in scores.baselines]
    for name, figures, correlation in rows:
        shown.add_row(
            name,
            signed_percent(figures.total_return).text,
            signed_percent(figures.cagr).text,
            number(figures.sharpe),
            percent(figures.max_drawdown),
            number(correlation),
        )
    return shown


def _tried_table(card: WalkForwardCard) -> Table:
    return _plain_table(_tried_rows(card))


def _plain_table(rows: list[tuple[str, str]]) -> Table:
    shown = Table(box=None, pad_edge=False, show_header=False)
    shown.add_column()
    shown.add_column(justify="right")
    for name, value in rows:
        shown.add_row(name, value)
    return shown
