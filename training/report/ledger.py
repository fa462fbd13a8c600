"""The live account's report: equity, drawdown, months, and what every market, bundle and promise came to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from storage.language import _
from storage.ledger.queries import Ledger
from storage.ledger.trades import Trade
from strategies.market import UNITS_PER_QUOTE
from training.backtest.run_candles import moment
from training.evidence.performance import EquityCurve, curve_figures, drawdown_path, monthly_returns
from training.report.charts import filled, lines
from training.report.page import Section, page
from training.report.tables import Cell, monthly_table, number, paragraph, percent, signed_number, signed_percent, table

LISTED_TRADES = 500
UNKNOWN = "–"
ENDINGS = {
    "faded": "conviction faded",
    "reversed": "conviction turned",
    "stop": "stop-loss",
    "take": "take-profit",
    "trail": "trailing stop",
    "daily_loss": "daily loss stop",
    "drawdown": "drawdown stop",
}


def ledger_report(ledger: Ledger) -> str:
    """Return an account's report as one HTML document that needs nothing from outside."""
    curve, trades = ledger_curve(ledger), ledger.trades()
    account = ledger.account
    sections = [
        Section(title="Figures", body=_figures(curve, trades)),
        Section(title="Equity", charts=(lines([(_("equity"), curve.times, curve.equity)], _("quote")),)),
        Section(title="Drawdown", charts=(filled(_("drawdown"), curve.times, drawdown_path(curve)),)),
        Section(title="Months", body=monthly_table(monthly_returns(curve))),
        Section(title="Markets", body=_grouped(trades, "market", lambda trade: trade.symbol)),
        Section(title="Bundles", body=_grouped(trades, "bundle", lambda trade: trade.bundle_id)),
        Section(title="Endings", body=_grouped(trades, "closed because", _ending)),
        Section(title="Promises and outcomes", body=_promises(ledger, trades)),
        Section(title="Trades", body=_listed(trades[:LISTED_TRADES])),
    ]
    until = moment(int(curve.times[-1])) if len(curve.times) else _("the first decision")
    subtitle = _(
        "{exchange} · paper account {name} · {start} to {end} UTC",
        exchange=account.exchange,
        name=account.name,
        start=moment(account.start_ms),
        end=until,
    )
    return page(_("Ledger of {name}", name=account.name), subtitle, sections, exchange=account.exchange)


def ledger_curve(ledger: Ledger) -> EquityCurve:
    """Return the account's equity at the closes of its decision candles."""
    points = ledger.equity()
    return EquityCurve(
        start_ms=ledger.account.start_ms,
        initial=ledger.account.deposit / UNITS_PER_QUOTE,
        times=np.array([point.ms for point in points], np.int64),
        equity=np.array([point.equity for point in points], np.float64),
    )


def _figures(curve: EquityCurve, trades: Sequence[Trade]) -> str:
    figures = curve_figures(curve)
    rows: list[list[str | Cell]] = [
        ["equity", number(curve.final)],
        ["total return", signed_percent(figures.total_return)],
        ["growth a year", signed_percent(figures.cagr)],
        ["volatility a year", percent(figures.volatility)],
        ["Sharpe", number(figures.sharpe)],
        ["Sortino", number(figures.sortino)],
        ["max drawdown", percent(figures.max_drawdown)],
        ["closed trades", f"{len(trades):,}"],
        ["fees", number(sum(trade.fees for trade in trades))],
        ["funding paid", number(sum(trade.funding for trade in trades))],
    ]
    return table(["figure", "value"], rows)


def _grouped(trades: Sequence[Trade], name: str, key: Callable[[Trade], str]) -> str:
    rows: list[list[str | Cell]] = []
    for group in sorted({key(trade) for trade in trades}):
        part = [trade for trade in trades if key(trade) == group]
        won, lost = (sum(trade.net for trade in part if (trade.net > 0) is side) for side in (True, False))
        wins = sum(trade.net > 0 for trade in part) / len(part)
        rows.append(
            [group, f"{len(part):,}", percent(wins), signed_number(won + lost), number(won / -lost if lost else np.nan)]
        )
    return (
        table([name, "trades", "win rate", "net", "profit factor"], rows)
        if rows
        else paragraph("No trade has closed yet.")
    )


def _promises(ledger: Ledger, trades: Sequence[Trade]) -> str:
    """Put what the signals said beside what became of their trades."""
    signals = {
        (decision.symbol, decision.ms): decision.signal
        for decision in ledger.decisions(signals_only=True, limit=100_000)
        if decision.signal is not None
    }
    matched = [(trade, signals.get((trade.symbol, trade.decision_ms))) for trade in trades]
    rows: list[list[str | Cell]] = []
    for side in ("LONG", "SHORT"):
        part = [(trade, signal) for trade, signal in matched if signal is not None and trade.side == side]
        if not part:
            continue
        promised = [signal["win_rate"] for _, signal in part if signal.get("win_rate") is not None]
        expected = [abs(signal["expected_return"]) for _, signal in part if signal.get("expected_return") is not None]
        outcome = [trade.return_fraction for trade, _ in part]
        rows.append(
            [
                side,
                f"{len(part):,}",
                percent(float(np.mean(promised))) if promised else UNKNOWN,
                percent(sum(trade.net > 0 for trade, _ in part) / len(part)),
                percent(float(np.mean(expected)), 2) if expected else UNKNOWN,
                signed_percent(float(np.mean(outcome)), 2),
            ]
        )
    if not rows:
        return paragraph("No signal's trade has closed yet.")
    header = [
        "side",
        "trades",
        "win rate promised",
        "win rate seen",
        "return expected over the horizon",
        "net return seen",
    ]
    return table(header, rows)


def _listed(trades: Sequence[Trade]) -> str:
    rows: list[list[str | Cell]] = [
        [
            trade.id,
            trade.side,
            moment(trade.opened_ms),
            moment(trade.closed_ms or 0),
            signed_number(trade.net),
            signed_percent(trade.return_fraction, 2),
            _ending(trade),
            trade.bundle_id,
        ]
        for trade in trades
    ]
    header = ["trade", "side", "opened", "closed", "net", "return", "closed because", "bundle"]
    return table(header, rows, words=("side", "closed because", "bundle"))


def _ending(trade: Trade) -> str:
    """Return why a trade was closed, in words."""
    ending = trade.closed_because or UNKNOWN
    return ENDINGS.get(ending, ending.replace("_", " "))
