"""The backtest's HTML report: verdict, figures, equity beside buy-and-hold, drawdown, months, trades on candles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from storage.language import _, translated
from strategies.kernel.round_trips import RoundTrip
from strategies.kernel.state import Reason
from strategies.market import OPEN_MS, RATE_ONE
from training.backtest.run import BacktestResult
from training.backtest.run_candles import moment
from training.backtest.scorecard import Scorecard
from training.evidence.performance import EquityCurve, TradeFigures, drawdown_path
from training.report.charts import candles_each, filled, lines, trades_on_candles
from training.report.page import Section, page
from training.report.tables import Cell, interval, monthly_table, number, paragraph, percent, signed_percent, table

LISTED_TRADES = 500


def backtest_report(result: BacktestResult, card: Scorecard, compared: dict[str, EquityCurve]) -> str:
    """Return the report as one HTML document.

    Args:
        result: the run.
        card: its figures.
        compared: equity of the baselines by name.
    """
    warning = _("SEEN: the model was trained on these bars. Nothing below is evidence.") if card.is_in_sample else ""
    verdict = paragraph(card.verdict, "verdict") + "".join(map(paragraph, card.notes))
    sections = [Section(title="Verdict", body=verdict), *result_sections(result, card, compared)]
    return page(
        _("Backtest of {model}: {markets}", model=card.model, markets=", ".join(card.symbols)),
        subtitle(card),
        sections,
        exchange=card.exchange,
        warning=warning,
    )


def subtitle(card: Scorecard) -> str:
    """Return where, when and on which candles."""
    return _(
        "{exchange} · {start} to {end} UTC · decisions on {timeframe}, settled on {execution} candles",
        exchange=card.exchange,
        start=moment(card.start_ms),
        end=moment(card.end_ms),
        timeframe=card.timeframe,
        execution=card.execution_timeframe,
    )


def result_sections(result: BacktestResult, card: Scorecard, compared: dict[str, EquityCurve]) -> list[Section]:
    """Return what a report shows of any finished run, from its figures to its trades."""
    return [
        Section(title=_tagged("Figures", card), body=_figures(card)),
        _equity(result, card, compared),
        Section(title=_tagged("Months", card), body=monthly_table(card.monthly)),
        Section(title=_tagged("Sides and markets", card), body=_sides(card)),
        Section(title=_tagged("Costs", card), body=_costs(card)),
        *_markets(result, card),
        Section(title=_tagged("Trades", card), body=_trades(result.trades)),
    ]


def bracket_prices(result: BacktestResult, trade: RoundTrip) -> tuple[float | None, float | None]:
    """Return the stop and target prices that the deciding record asked for, measured from the entry; None: none."""
    row = np.searchsorted(result.path.ms, trade.decision_ms)
    if row >= len(result.path.ms) or result.path.ms[row] != trade.decision_ms:
        return None, None
    decision = result.run.decisions[row, trade.market]
    stop, take = int(decision["stop_e8"]) / RATE_ONE, int(decision["take_e8"]) / RATE_ONE
    return (
        trade.entry * (1.0 - trade.side * stop) if stop else None,
        trade.entry * (1.0 + trade.side * take) if take else None,
    )


def _tagged(title: str, card: Scorecard) -> str:
    return f"{translated(title)} (SEEN)" if card.is_in_sample else title


def _figures(card: Scorecard) -> str:
    names = [card.model, *(part.name for part in card.baselines)]
    columns = [card.figures, *(part.figures for part in card.baselines)]
    rows: list[list[str | Cell]] = [
        ["total return", *(signed_percent(part.total_return) for part in columns)],
        ["growth a year", *(signed_percent(part.cagr) for part in columns)],
        ["volatility a year", *(percent(part.volatility) for part in columns)],
        ["Sharpe", *(number(part.sharpe) for part in columns)],
        ["Sortino", *(number(part.sortino) for part in columns)],
        ["deepest drawdown", *(percent(part.max_drawdown) for part in columns)],
        ["longest under water, days", *(number(part.drawdown_days, 0) for part in columns)],
        ["correlation with it", "", *(number(part.correlation) for part in card.baselines)],
    ]
    sure, active = card.significance, card.activity
    more: list[list[str | Cell]] = [
        ["95 % interval of the Sharpe", interval(sure.sharpe_low, sure.sharpe_high)],
        ["probability that it is above zero", percent(sure.probabilistic_sharpe)],
        ["record needed to know, years", number(sure.record_years, 1)],
        ["IC of the conviction", number(card.ic_conviction, 4)],
        ["IC of the score", number(card.ic_score, 4)],
        ["mean exposure", percent(active.exposure)],
        ["time in the market", percent(active.time_in_market)],
        ["turnover a year", number(active.turnover, 1)],
    ]
    return table(["", *names], rows) + table(["", card.model], more)


def _equity(result: BacktestResult, card: Scorecard, compared: dict[str, EquityCurve]) -> Section:
    curve = result.curve
    shown = [(card.model, curve.times, curve.equity)]
    shown += [(name, other.times, other.equity) for name, other in compared.items()]
    charts = (lines(shown, _("equity"), logarithmic=True), filled(_("drawdown"), curve.times, drawdown_path(curve)))
    return Section(title=_tagged("Equity and drawdown", card), charts=charts)


def _sides(card: Scorecard) -> str:
    named = [("all", card.trades), ("long", card.long), ("short", card.short), *card.markets.items()]
    header = [
        "",
        "trades",
        "net",
        "win rate",
        "profit factor",
        "mean win",
        "mean loss",
        "hours held",
        "fees",
        "funding",
    ]
    return table(header, [_trade_row(name, part) for name, part in named])


def _trade_row(name: str, part: TradeFigures) -> list[str | Cell]:
    tone = "good" if part.net_profit > 0 else "bad" if part.net_profit < 0 else ""
    return [
        name,
        f"{part.trades:,}",
        Cell(text=f"{part.net_profit:+,.2f}", tone=tone),
        percent(part.win_rate),
        number(part.profit_factor),
        signed_percent(part.average_win, 2),
        signed_percent(part.average_loss, 2),
        number(part.average_duration_h, 1),
        number(part.fees),
        number(part.funding),
    ]


def _costs(card: Scorecard) -> str:
    costs = card.costs
    rows: list[list[str | Cell]] = [
        [
            _("fees, {bps} bp a side", bps=f"{costs.fee_bps:g}"),
            number(costs.fees),
            percent(costs.fees / card.initial_capital, 2),
        ],
        [
            _("slippage, {bps} bp a side", bps=f"{costs.slippage_bps:g}"),
            number(costs.slippage),
            percent(costs.slippage / card.initial_capital, 2),
        ],
        ["funding paid, net", number(costs.funding), percent(costs.funding / card.initial_capital, 2)],
    ]
    return table(["", "quote currency", "of the initial capital"], rows)


def _markets(result: BacktestResult, card: Scorecard) -> list[Section]:
    sections = []
    most = candles_each(len(result.candles.markets))
    for index, market in enumerate(result.candles.markets):
        series = result.candles.decision_candles[index]
        inside = series[series[:, OPEN_MS] >= result.candles.start_ms]
        trades = [trade for trade in result.trades if trade.market == index]
        brackets = [bracket_prices(result, trade) for trade in trades]
        chart = trades_on_candles(inside, result.candles.timeframe, trades, brackets, most)
        sections.append(
            Section(title=_tagged(_("{symbol}: trades on candles", symbol=market.symbol), card), charts=(chart,))
        )
    return sections


def _trades(trades: Sequence[RoundTrip]) -> str:
    header = [
        "market",
        "side",
        "opened",
        "closed",
        "entry",
        "exit",
        "quantity",
        "net",
        "net / entry",
        "opened by",
        "by",
    ]
    rows = [_listed(trade) for trade in trades[-LISTED_TRADES:]]
    left_out = len(trades) - len(rows)
    note = (
        _("The last {shown} of {all}; --export writes all fills.", shown=len(rows), all=len(trades)) if left_out else ""
    )
    return (paragraph(note, "note") if note else "") + table(header, rows)


def _listed(trade: RoundTrip) -> list[str | Cell]:
    return [
        trade.symbol,
        "LONG" if trade.side > 0 else "SHORT",
        moment(trade.opened_ms),
        moment(trade.closed_ms) if trade.closed_ms is not None else "open",
        f"{trade.entry:g}",
        f"{trade.exit:g}" if trade.exit is not None else "",
        f"{trade.quantity:g}",
        Cell(text=f"{trade.net:+,.2f}", tone="good" if trade.net > 0 else "bad"),
        signed_percent(trade.net_return, 2),
        _words(trade.opened_by),
        _words(trade.closed_by) if trade.closed_by is not None else "",
    ]


def _words(reason: Reason) -> str:
    return translated(reason.name.lower().replace("_", " "))
