"""Everything a backtest is told by: figures, baselines beside them, costs, significance, a verdict.

The one value that the terminal, the JSON output and the HTML report are all made of.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from storage.gaps import segments
from strategies.market import OPEN_MS, UNITS_PER_QUOTE
from strategies.state import FactKind
from training.backtest import BacktestResult
from training.baselines import HOLD, baselines
from training.labels import forward_return
from training.performance import (
    NAN,
    CurveFigures,
    EquityCurve,
    TradeFigures,
    curve_figures,
    daily_returns,
    information_coefficient,
    monthly_returns,
    trade_figures,
)
from training.significance import (
    annual_sharpes,
    bootstrap_interval,
    minimum_track_record,
    probabilistic_sharpe,
    sharpe_moments,
)
from training.trades import Trade, slippage_paid
from training.verdict import Evidence, verdict

DAYS_PER_YEAR = 365.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What trading cost, quote currency; funding < 0 was received. Rates are those of the run."""

    fee_bps: float
    slippage_bps: float
    fees: float
    slippage: float
    funding: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """How much was held and moved."""

    exposure: float  # mean gross notional / equity over all bars
    time_in_market: float  # share of bars with a position
    turnover: float  # traded notional / equity at the time, a year


@dataclass(frozen=True, slots=True, kw_only=True)
class Significance:
    """How sure the Sharpe ratio is. See `training/significance.py`; NaN where there is too little to say."""

    probabilistic_sharpe: float  # probability that the true Sharpe is above zero
    sharpe_low: float  # 95 % stationary bootstrap interval, annual
    sharpe_high: float
    record_years: float  # minimum track record against zero at 95 %


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineFigures:
    """A baseline over the same bars, and how the run's daily returns correlate with it."""

    name: str
    figures: CurveFigures
    correlation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """The result of one backtest in figures and words. Fractions, quote currency, UTC ms."""

    verdict: str
    is_seen: bool
    model: str
    exchange: str
    symbols: tuple[str, ...]
    timeframe: str
    execution_timeframe: str
    start_ms: int
    end_ms: int
    initial_capital: float
    final_equity: float
    figures: CurveFigures
    trades: TradeFigures
    long: TradeFigures
    short: TradeFigures
    markets: dict[str, TradeFigures]
    open_trades: int
    costs: Costs
    activity: Activity
    ic_conviction: float  # Pearson correlation of the conviction with the volatility-scaled forward return
    ic_score: float  # of the blended score before smoothing
    significance: Significance
    baselines: tuple[BaselineFigures, ...]
    monthly: tuple[tuple[str, float], ...]

    def document(self) -> dict[str, Any]:
        """Return plain JSON types; what is undefined or infinite is null."""
        shown = _plain(asdict(self))
        assert isinstance(shown, dict)
        return shown


def scorecard(result: BacktestResult, *, is_seen: bool = False) -> tuple[Scorecard, dict[str, EquityCurve]]:
    """Return the figures of a finished run, and the curves of its baselines by name.

    Args:
        is_seen: the bundle was trained on these bars; every word says so.
    """
    candles, curve, trades = result.candles, result.curve, result.trades
    returns = daily_returns(curve)
    compared = baselines(result.path, candles, result.settings)
    beside = tuple(_beside(baseline.name, baseline.curve, returns) for baseline in compared)
    figures, traded = curve_figures(curve), trade_figures(trades)
    confidence = significance(returns)
    holding = next(part.figures.sharpe for part in beside if part.name == HOLD)
    targets = _targets(result)
    card = Scorecard(
        verdict=verdict(_evidence(is_seen, curve, figures, traded, confidence, holding)),
        is_seen=is_seen,
        model=result.bundle_id,
        exchange=candles.markets[0].exchange,
        symbols=tuple(market.symbol for market in candles.markets),
        timeframe=candles.timeframe.value,
        execution_timeframe=candles.bar.value,
        start_ms=candles.start_ms,
        end_ms=candles.end_ms,
        initial_capital=curve.initial,
        final_equity=curve.final,
        figures=figures,
        trades=traded,
        long=trade_figures([trade for trade in trades if trade.side > 0]),
        short=trade_figures([trade for trade in trades if trade.side < 0]),
        markets=_by_market(trades, result),
        open_trades=sum(not trade.is_closed for trade in trades),
        costs=_costs(result),
        activity=_activity(result),
        ic_conviction=information_coefficient(result.path.conviction, targets),
        ic_score=information_coefficient(result.path.blended, targets),
        significance=confidence,
        baselines=beside,
        monthly=tuple(monthly_returns(curve)),
    )
    return card, {baseline.name: baseline.curve for baseline in compared}


def significance(returns: np.ndarray) -> Significance:
    """Return how sure the Sharpe ratio of (d,) daily returns is; all NaN under 30 days or without variance."""
    if len(returns) < 30 or float(np.ptp(returns)) == 0.0:
        return Significance(probabilistic_sharpe=NAN, sharpe_low=NAN, sharpe_high=NAN, record_years=NAN)
    low, high = bootstrap_interval(returns, annual_sharpes)
    return Significance(
        probabilistic_sharpe=probabilistic_sharpe(returns),
        sharpe_low=low,
        sharpe_high=high,
        record_years=minimum_track_record(sharpe_moments(returns)) / DAYS_PER_YEAR,
    )


def _evidence(
    is_seen: bool,
    curve: EquityCurve,
    figures: CurveFigures,
    traded: TradeFigures,
    confidence: Significance,
    holding_sharpe: float,
) -> Evidence:
    return Evidence(
        is_seen=is_seen,
        days=curve.days,
        trades=traded.trades,
        total_return=figures.total_return,
        sharpe=figures.sharpe,
        sharpe_low=confidence.sharpe_low,
        sharpe_high=confidence.sharpe_high,
        holding_sharpe=holding_sharpe,
        record_years=confidence.record_years,
    )


def _beside(name: str, curve: EquityCurve, returns: np.ndarray) -> BaselineFigures:
    other = daily_returns(curve)
    moves = len(returns) > 2 and float(np.ptp(other)) > 0 and float(np.ptp(returns)) > 0
    correlation = float(np.corrcoef(returns, other)[0, 1]) if moves else NAN
    return BaselineFigures(name=name, figures=curve_figures(curve), correlation=correlation)


def _by_market(trades: Sequence[Trade], result: BacktestResult) -> dict[str, TradeFigures]:
    return {
        market.symbol: trade_figures([trade for trade in trades if trade.market == index])
        for index, market in enumerate(result.candles.markets)
    }


def _costs(result: BacktestResult) -> Costs:
    facts, markets = result.run.facts, result.candles.markets
    slippage_e8 = result.settings.market_records(markets)["slippage_e8"]
    settled = facts["kind"] == FactKind.FUNDING
    return Costs(
        fee_bps=result.settings.execution.fee_bps,
        slippage_bps=result.settings.execution.slippage_bps,
        fees=int(facts["fee"].sum()) / UNITS_PER_QUOTE,
        slippage=slippage_paid(facts, markets, slippage_e8),
        funding=-int(facts["cash_flow"][settled].sum()) / UNITS_PER_QUOTE,
    )


def _activity(result: BacktestResult) -> Activity:
    facts, candles = result.run.facts, result.candles
    fills = facts[facts["kind"] == FactKind.FILL]
    unit_values = np.array([market.unit_value for market in candles.markets], np.float64)[fills["market"]]
    at = np.searchsorted(candles.open_ms, fills["ms"], side="right") - 1
    shares = np.abs(fills["lots"]) * fills["price"] * unit_values / result.run.equity[at]
    years = (candles.end_ms - candles.start_ms) / (DAYS_PER_YEAR * 86_400_000)
    exposure = result.run.exposure
    return Activity(
        exposure=float(exposure.mean()),
        time_in_market=float((exposure > 0).mean()),
        turnover=float(shares.sum() / years),
    )


def _targets(result: BacktestResult) -> np.ndarray:
    """Return the (d, M) volatility-scaled forward return of every decision, from the decision candles of the run."""
    path, candles, horizon = result.path, result.candles, result.settings.decision.horizon_bars
    targets = np.full(path.conviction.shape, np.nan)
    for index, series in enumerate(candles.decision_candles):
        inside = series[series[:, OPEN_MS] >= candles.start_ms]
        rows = (inside[:, OPEN_MS].astype(np.int64) - candles.start_ms) // candles.timeframe.ms
        for part in segments(inside, candles.timeframe, max_bars=0):
            known = rows[part]
            values, _ = forward_return(inside[part], path.sigma[known, index], horizon, candles.timeframe)
            targets[known, index] = values
    return targets


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
