"""Performance: what a run earned and risked, figures of an equity curve and of its trades.

All ratios are fractions, all amounts quote currency. Sharpe and Sortino come from *daily net* returns (equity at
00:00 UTC) and are annualised with sqrt(365): crypto trades every day, and hourly returns are autocorrelated. Pure:
knows nothing of models or files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum

import numpy as np

from strategies.kernel.round_trips import RoundTrip
from strategies.market import DAY_MS

DAYS_PER_YEAR = 365.0
SHORTEST_ANNUAL_DAYS = 30.0  # a shorter run is not extrapolated to a year
NAN = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class EquityCurve:
    """Equity after each bar.

    Attributes:
        start_ms: when the account held `initial`.
        times: (n,) int64 ms: closes of the bars, ascending.
        equity: (n,) float64, quote currency.
    """

    start_ms: int
    initial: float
    times: np.ndarray
    equity: np.ndarray

    @property
    def final(self) -> float:
        return float(self.equity[-1]) if len(self.equity) else self.initial

    @property
    def days(self) -> float:
        """Length of the run in days."""
        return (int(self.times[-1]) - self.start_ms) / DAY_MS if len(self.times) else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveFigures:
    """Figures of one equity curve. NaN where undefined (too short, or no variance)."""

    total_return: float
    cagr: float  # (final / initial) ** (365 / days) - 1; NaN under 30 days
    volatility: float  # annual, of daily returns
    sharpe: float  # annual: mean / deviation of daily net returns x sqrt(365), no risk-free rate
    sortino: float  # annual: mean / sqrt(mean(min(r, 0)^2)) x sqrt(365)
    max_drawdown: float  # deepest fall from a peak, fraction of the peak, >= 0; over all bars
    drawdown_days: float  # longest time between two peaks, or from the last peak to the end


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeFigures:
    """Figures of closed round trips. NaN where no trade defines them."""

    trades: int
    win_rate: float  # share that closed with a net profit > 0
    profit_factor: float  # sum of net profits / sum of net losses; infinite without a loss
    average_win: float  # of the notional entered, fraction
    average_loss: float  # of the notional entered, fraction, <= 0
    average_duration_h: float
    net_profit: float
    fees: float
    funding: float


def daily_equity(curve: EquityCurve) -> tuple[np.ndarray, np.ndarray]:
    """Return sample times and equity: the start, each 00:00 UTC inside the run, and the end.

    The equity at midnight is that of the last bar closed by then. A first or last part of a day counts as a day.

    Returns:
        (d + 1,) int64 ms and (d + 1,) float64.
    """
    if not len(curve.times):
        return np.array([curve.start_ms], np.int64), np.array([curve.initial])
    end = int(curve.times[-1])
    midnights = np.arange((curve.start_ms // DAY_MS + 1) * DAY_MS, end, DAY_MS, dtype=np.int64)
    samples = np.concatenate([[curve.start_ms], midnights, [end]]).astype(np.int64)
    last_bar = np.searchsorted(curve.times, samples, side="right") - 1
    return samples, np.where(last_bar >= 0, curve.equity[last_bar], curve.initial)


def daily_returns(curve: EquityCurve) -> np.ndarray:
    """Return the (d,) net returns between the samples of `daily_equity`."""
    _, equity = daily_equity(curve)
    found: np.ndarray = np.diff(equity) / equity[:-1]
    return found


def curve_figures(curve: EquityCurve) -> CurveFigures:
    """Return the figures of an equity curve."""
    returns = daily_returns(curve)
    depth, length_days = drawdown(curve)
    growth = curve.final / curve.initial
    annual = growth ** (DAYS_PER_YEAR / curve.days) - 1.0 if curve.days >= SHORTEST_ANNUAL_DAYS and growth > 0 else NAN
    return CurveFigures(
        total_return=growth - 1.0,
        cagr=annual,
        volatility=float(returns.std() * np.sqrt(DAYS_PER_YEAR)) if len(returns) > 1 else NAN,
        sharpe=sharpe(returns),
        sortino=sortino(returns),
        max_drawdown=depth,
        drawdown_days=length_days,
    )


def sharpe(returns: np.ndarray) -> float:
    """Return the annual Sharpe ratio of (d,) daily returns: mean / deviation x sqrt(365). NaN without variance."""
    deviation = float(returns.std()) if len(returns) > 1 else 0.0
    return float(returns.mean()) / deviation * float(np.sqrt(DAYS_PER_YEAR)) if deviation > 1e-15 else NAN


def sortino(returns: np.ndarray) -> float:
    """Return the annual Sortino ratio of (d,) daily returns (Sortino & Price 1994). NaN without a losing day."""
    downside = float(np.sqrt(np.mean(np.minimum(returns, 0.0) ** 2))) if len(returns) else 0.0
    return float(returns.mean()) / downside * float(np.sqrt(DAYS_PER_YEAR)) if downside > 1e-15 else NAN


def drawdown_path(curve: EquityCurve) -> np.ndarray:
    """Return the (n,) fall from the running peak, fraction <= 0; the initial capital is the first peak."""
    peak = np.maximum.accumulate(np.maximum(curve.equity, curve.initial))
    return curve.equity / peak - 1.0


def drawdown(curve: EquityCurve) -> tuple[float, float]:
    """Return the deepest drawdown (fraction, >= 0) and the longest time under water in days."""
    if not len(curve.times):
        return 0.0, 0.0
    path = drawdown_path(curve)
    at_peak = np.concatenate([[curve.start_ms], curve.times[path >= 0.0], curve.times[-1:]])
    return abs(float(path.min(initial=0.0))), float(np.diff(at_peak).max()) / DAY_MS


def monthly_returns(curve: EquityCurve) -> list[tuple[str, float]]:
    """Return ("2024-06", return) of every UTC month the run touches; the first and last may be parts of months."""
    samples, equity = daily_equity(curve)
    if len(samples) < 2:
        return []
    months = (
        (samples - 1).astype("datetime64[ms]").astype("datetime64[M]")
    )  # a sample at midnight ends the month before it
    months[0] = months[1]
    last = np.flatnonzero(np.append(months[1:] != months[:-1], True))
    levels = np.concatenate([[curve.initial], equity[last]])
    return [(str(months[row]), float(ratio - 1.0)) for row, ratio in zip(last, levels[1:] / levels[:-1], strict=True)]


def trade_figures(trades: Sequence[RoundTrip]) -> TradeFigures:
    """Return the figures of the closed trades among `trades`."""
    closed = [trade for trade in trades if trade.is_closed]
    wins = [trade for trade in closed if trade.net > 0]
    losses = [trade for trade in closed if trade.net <= 0]
    won, lost = fsum(trade.net for trade in wins), -fsum(trade.net for trade in losses)
    return TradeFigures(
        trades=len(closed),
        win_rate=len(wins) / len(closed) if closed else NAN,
        profit_factor=won / lost if lost > 0 else (float("inf") if won > 0 else NAN),
        average_win=_mean([trade.net_return for trade in wins]),
        average_loss=_mean([trade.net_return for trade in losses]),
        average_duration_h=_mean([trade.duration_h for trade in closed]),
        net_profit=won - lost,
        fees=fsum(trade.fees for trade in closed),
        funding=fsum(trade.funding for trade in closed),
    )


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else NAN
