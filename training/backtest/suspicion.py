"""Suspicions: what a reader of a backtest must doubt, odd bars inside trades, markets never learnt, open positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from storage.quality.outliers import outlying_moves
from strategies.kernel.round_trips import RoundTrip
from strategies.market import OPEN_MS
from training.backtest.run import BacktestResult
from training.backtest.run_candles import moment
from training.backtest.scorecard import OpenPosition

OUTLIER_Z: Final = 20.0  # as `data.outlier_z`
_MOST: Final = 20


def suspicious_bars(result: BacktestResult) -> list[str]:
    """Return a line for every bar far outside its market's usual moves while a position was held."""
    lines = []
    for index, (market, candles) in enumerate(
        zip(result.candles.markets, result.candles.decision_candles, strict=True)
    ):
        moves = outlying_moves(candles, result.candles.timeframe, OUTLIER_Z)
        held = [trade for trade in result.trades if trade.market == index]
        for row, length in zip(moves.rows, moves.lengths, strict=True):
            ms = int(candles[row, OPEN_MS])
            inside = next((trade for trade in held if _holds(trade, ms)), None)
            if inside is not None and ms >= result.candles.start_ms:
                side = "long" if inside.side > 0 else "short"
                lines.append(
                    f"Suspicious bar: {market.symbol} moved {np.expm1(length):+.1%} at {moment(ms)} while {side} "
                    f"(trade {inside.number}, net {inside.net:+,.2f})."
                )
    more = [f"And {len(lines) - _MOST} more suspicious bars inside trades."] if len(lines) > _MOST else []
    return lines[:_MOST] + more


def unlearnt(result: BacktestResult) -> list[str]:
    """Return what the bundle was not made for: markets it never learnt, another horizon."""
    lines = []
    strangers = [m.symbol for m in result.candles.markets if result.learnt and m.symbol not in result.learnt]
    if strangers:
        lines.append(f"The bundle never learnt {', '.join(strangers)}: it was taught by {', '.join(result.learnt)}.")
    wanted = result.settings.decision.horizon_bars
    if result.horizon_bars and result.horizon_bars != wanted:
        lines.append(f"The bundle forecasts {result.horizon_bars} bars; decision.horizon_bars is {wanted}.")
    return lines


def open_positions(trades: Sequence[RoundTrip]) -> tuple[OpenPosition, ...]:
    """Return the trades that are still open."""
    return tuple(
        OpenPosition(
            symbol=trade.symbol,
            side="LONG" if trade.side > 0 else "SHORT",
            quantity=trade.quantity,
            entry=trade.entry,
            opened_ms=trade.opened_ms,
            unrealised=trade.net,
        )
        for trade in trades
        if not trade.is_closed
    )


def _holds(trade: RoundTrip, ms: int) -> bool:
    return trade.opened_ms <= ms and (trade.closed_ms is None or ms <= trade.closed_ms)
