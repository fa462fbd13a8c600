"""An imported trade list as a run record: the figures of our own backtests, computed by the same functions."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from strategies.kernel.round_trips import RoundTrip
from training.backtest.scorecard import plain
from training.evidence.performance import EquityCurve, curve_figures, monthly_returns, trade_figures
from training.imported.trade_lists import by_symbol


def imported_result(trades: list[RoundTrip], name: str, capital: float) -> dict[str, Any]:
    """Return the result of a run record.

    Args:
        trades: closed, by their close.
        name: what people call it.
        capital: quote currency, before the first trade.
    """
    closes = np.array([trade.closed_ms for trade in trades], np.int64)
    times, first = np.unique(closes, return_index=True)
    equity = capital + np.cumsum([trade.net for trade in trades])
    curve = EquityCurve(
        start_ms=min(trade.opened_ms for trade in trades),
        initial=capital,
        times=times,
        equity=equity[np.r_[first[1:], len(trades)] - 1],
    )
    found = plain(
        {
            "verdict": "Imported: closed trades only, equity between closes is unknown.",
            "model": name,
            "symbols": [symbol for symbol, _ in by_symbol(trades)],
            "start_ms": curve.start_ms,
            "end_ms": int(times[-1]),
            "initial_capital": capital,
            "final_equity": curve.final,
            "figures": asdict(curve_figures(curve)),
            "trades": asdict(trade_figures(trades)),
            "long": asdict(trade_figures([trade for trade in trades if trade.side > 0])),
            "short": asdict(trade_figures([trade for trade in trades if trade.side < 0])),
            "markets": {symbol: asdict(trade_figures(part)) for symbol, part in by_symbol(trades)},
            "monthly": [list(month) for month in monthly_returns(curve)],
            "ledger": [_row(trade) for trade in trades],
        }
    )
    assert isinstance(found, dict)
    return found


def _row(trade: RoundTrip) -> dict[str, Any]:
    return {
        "symbol": trade.symbol,
        "side": "LONG" if trade.side > 0 else "SHORT",
        "opened_ms": trade.opened_ms,
        "closed_ms": trade.closed_ms,
        "entry": trade.entry,
        "exit": trade.exit,
        "quantity": trade.quantity,
        "net": trade.net,
        "fees": trade.fees,
        "funding": trade.funding,
    }
