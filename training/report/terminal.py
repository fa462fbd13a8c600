"""Scorecard on the terminal: the verdict, then figures beside baselines. In-sample bars are named on every line."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table

from training.backtest.refusals import few_trades
from training.backtest.run_candles import moment
from training.backtest.scorecard import Scorecard
from training.report.tables import number, percent, signed_percent


def summary(card: Scorecard) -> RenderableType:
    """Return what `sigma backtest` prints."""
    head = (
        f"{card.model} on {', '.join(card.symbols)} ({card.exchange}), {moment(card.start_ms)} to "
        f"{moment(card.end_ms)} UTC; decisions on {card.timeframe}, settled on {card.execution_timeframe} candles"
    )
    money = (
        f"initial capital {card.initial_capital:,.2f}, final equity {card.final_equity:,.2f}, "
        f"{card.trades.trades:,} closed trades"
    )
    held = [
        f"still open: {part.side} {part.quantity:g} {part.symbol} from {part.entry:g} since {moment(part.opened_ms)}, "
        f"unrealised {part.unrealised:+,.2f}"
        for part in card.open_positions
    ]
    refused = few_trades(card.trades.trades, dict(card.refusals))
    return Group(head, money, card.verdict, *held, *refused, *card.notes, _figures(card), _details(card))


def _figures(card: Scorecard) -> Table:
    columns = [card.figures, *(part.figures for part in card.baselines)]
    rows = [
        ("total return", [signed_percent(part.total_return).text for part in columns]),
        ("growth a year", [signed_percent(part.cagr).text for part in columns]),
        ("max drawdown", [percent(part.max_drawdown) for part in columns]),
        ("days under water", [number(part.drawdown_days, 0) for part in columns]),
        ("volatility", [percent(part.volatility) for part in columns]),
        ("Sharpe", [number(part.sharpe) for part in columns]),
        ("Sortino", [number(part.sortino) for part in columns]),
    ]
    return _table(card, ["", card.model, *(part.name for part in card.baselines)], rows)


def _details(card: Scorecard) -> Table:
    sides = [card.trades, card.long, card.short]
    costs, active, sure = card.costs, card.activity, card.significance
    rows = [
        ("trades", [f"{part.trades:,}" for part in sides]),
        ("net profit", [f"{part.net_profit:+,.2f}" for part in sides]),
        ("win rate", [percent(part.win_rate) for part in sides]),
        ("profit factor", [number(part.profit_factor) for part in sides]),
        ("average win / loss", [f"{percent(part.average_win, 2)} / {percent(part.average_loss, 2)}" for part in sides]),
        ("average duration, h", [number(part.average_duration_h, 1) for part in sides]),
        ("exposure / time in market", [f"{percent(active.exposure)} / {percent(active.time_in_market)}"]),
        ("turnover a year", [number(active.turnover, 1)]),
        (f"fees ({costs.fee_bps:g} bp a side)", [number(costs.fees)]),
        (f"slippage ({costs.slippage_bps:g} bp a side)", [number(costs.slippage)]),
        ("funding paid", [number(costs.funding)]),
        ("IC of conviction / score", [f"{number(card.ic_conviction, 4)} / {number(card.ic_score, 4)}"]),
        ("Sharpe, 95 % interval", [f"{number(sure.sharpe_low)} to {number(sure.sharpe_high)}"]),
    ]
    return _table(card, ["", "all", "long", "short"], rows)


def _table(card: Scorecard, header: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for position, name in enumerate(header):
        table.add_column(name, justify="right" if position else "left")
    for name, values in rows:
        table.add_row(f"SEEN {name}" if card.is_in_sample else name, *values)
    return table
