"""Scoring a run: from a finished backtest to its scorecard, every figure by the function that defines it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from storage.candles.gaps import segments
from strategies.kernel.round_trips import RoundTrip, slippage_paid
from strategies.kernel.state import FactKind, Reason
from strategies.market import DAY_MS, OPEN_MS, UNITS_PER_QUOTE
from strategies.oversight.skill import information_coefficient
from training.backtest.baselines import HOLD, baselines
from training.backtest.refusals import tally
from training.backtest.run import BacktestResult
from training.backtest.run_candles import moment
from training.backtest.scorecard import Activity, BaselineFigures, Costs, Scorecard, Significance
from training.backtest.suspicion import open_positions, suspicious_bars, unlearnt
from training.backtest.verdict import Evidence, verdict
from training.data.labels import forward_return
from training.evidence.performance import (
    DAYS_PER_YEAR,
    NAN,
    CurveFigures,
    EquityCurve,
    TradeFigures,
    curve_figures,
    daily_returns,
    monthly_returns,
    trade_figures,
)
from training.evidence.significance import (
    annual_sharpes,
    bootstrap_interval,
    minimum_track_record,
    probabilistic_sharpe,
    sharpe_moments,
)


def scorecard(result: BacktestResult, *, is_in_sample: bool = False) -> tuple[Scorecard, dict[str, EquityCurve]]:
    """Return the figures of a finished run, and the curves of its baselines by name.

    Args:
        is_seen: the bundle was trained on these bars; every word says so.
    """
    candles, curve, trades = result.candles, result.curve, result.trades
    returns = daily_returns(curve)
    compared = baselines(result.path, candles, result.settings)
    beside = tuple(baseline_figures(baseline.name, baseline.curve, returns) for baseline in compared)
    figures, traded = curve_figures(curve), trade_figures(trades)
    confidence = significance(returns)
    holding = next(part.figures.sharpe for part in beside if part.name == HOLD)
    targets = targets_of(result)
    card = Scorecard(
        verdict=verdict(_evidence(is_in_sample, curve, figures, traded, confidence, holding)),
        notes=(*_notes(result.run.facts), *candles.notes, *suspicious_bars(result), *unlearnt(result)),
        is_in_sample=is_in_sample,
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
        open_positions=open_positions(trades),
        refusals=tuple(tally(result.run.decisions).items()),
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
    is_in_sample: bool,
    curve: EquityCurve,
    figures: CurveFigures,
    traded: TradeFigures,
    confidence: Significance,
    holding_sharpe: float,
) -> Evidence:
    return Evidence(
        is_in_sample=is_in_sample,
        days=curve.days,
        trades=traded.trades,
        total_return=figures.total_return,
        sharpe=figures.sharpe,
        sharpe_low=confidence.sharpe_low,
        sharpe_high=confidence.sharpe_high,
        holding_sharpe=holding_sharpe,
        record_years=confidence.record_years,
    )


def _notes(facts: np.ndarray) -> list[str]:
    locks = facts[facts["kind"] == FactKind.LOCK]
    daily = int((locks["reason"] == Reason.DAILY_LOSS).sum())
    drawdown = locks["ms"][locks["reason"] == Reason.DRAWDOWN]
    notes = [f"The daily loss stop tripped on {daily} days."] if daily else []
    if len(drawdown):
        when = moment(int(drawdown[0]))
        notes.append(f"The drawdown stop tripped on {when}; only a person lifts it, so nothing was entered after.")
    return notes


def baseline_figures(name: str, curve: EquityCurve, returns: np.ndarray) -> BaselineFigures:
    """Return a baseline's figures, and how (d,) daily returns of a run over the same bars correlate with it."""
    other = daily_returns(curve)
    moves = len(returns) > 2 and float(np.ptp(other)) > 0 and float(np.ptp(returns)) > 0
    correlation = float(np.corrcoef(returns, other)[0, 1]) if moves else NAN
    return BaselineFigures(name=name, figures=curve_figures(curve), correlation=correlation)


def _by_market(trades: Sequence[RoundTrip], result: BacktestResult) -> dict[str, TradeFigures]:
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
    years = (candles.end_ms - candles.start_ms) / (DAYS_PER_YEAR * DAY_MS)
    exposure = result.run.exposure
    return Activity(
        exposure=float(exposure.mean()),
        time_in_market=float((exposure > 0).mean()),
        turnover=float(shares.sum() / years),
    )


def targets_of(result: BacktestResult) -> np.ndarray:
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
