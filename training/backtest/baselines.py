"""Baselines: cash, buy-and-hold, and buy-and-hold at a constant volatility. A model must be better.

A baseline is a conviction that never changes, put through the same kernel at the same costs, so it differs from the
model in what it knows and in nothing else. It enters at the first decision, like the model. Buy-and-hold is the coin
itself: it pays no funding (years of it on a growing notional would ruin a future that is never rebalanced).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from strategies.kernel.settings import DecisionSettings, ProtectionSettings, RiskSettings, TradingSettings
from strategies.kernel.state import NO_RATE
from training.backtest.decision_path import DecisionPath
from training.backtest.run import begin_account, equity_curve, run_path
from training.backtest.run_candles import RunCandles
from training.evidence.performance import EquityCurve

CASH, HOLD, STEADY_HOLD = "cash", "buy and hold", "buy and hold, volatility target"
ALWAYS = 1.0  # a conviction of one, where `enter` is one


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A baseline's equity over the run."""

    name: str
    curve: EquityCurve


def baselines(path: DecisionPath, candles: RunCandles, settings: TradingSettings) -> list[Baseline]:
    """Return cash, buy-and-hold and volatility-targeted buy-and-hold over a run.

    Args:
        path: of the model: which closes are ready, and the markets' volatility.
        candles: of the run.
        settings: costs, capital and target volatility are taken over; rules of entry and exit are not.
    """
    hold = _steady(settings, mode="discrete", sizing="fixed_fraction")
    return [
        Baseline(name=CASH, curve=cash(candles, settings)),
        Baseline(name=HOLD, curve=_run(_always_long(path), _without_funding(candles), hold)),
        Baseline(name=STEADY_HOLD, curve=exposure_curve(_always_long(path), candles, settings)),
    ]


def exposure_curve(
    path: DecisionPath, candles: RunCandles, settings: TradingSettings, *, delay_bars: int = 0, sides: str = "long"
) -> EquityCurve:
    """Return the equity of holding the path's conviction (-1..1) as a share of the volatility target.

    Args:
        delay_bars: decision candles that every decision comes late.
        sides: "long" or "both".
    """
    return _run(path, candles, _steady(settings, mode="exposure", sizing="volatility", sides=sides), delay_bars)


def cash(candles: RunCandles, settings: TradingSettings) -> EquityCurve:
    """Return the equity of doing nothing, without interest."""
    state = begin_account(candles, settings)
    capital = settings.execution.initial_capital
    times = candles.open_ms + candles.bar.ms
    return EquityCurve(
        start_ms=int(state.account["last_ms"][0]) + 60_000,
        initial=capital,
        times=times,
        equity=np.full(len(times), capital),
    )


def _always_long(path: DecisionPath) -> DecisionPath:
    """Return the path of a rule that is always fully long where a candle is there; it expects no return of its own."""
    conviction = np.where(path.ready, ALWAYS, np.nan)
    unknown = np.full(conviction.shape, np.nan)
    return replace(path, conviction=conviction, expected_return=unknown, agreement=np.zeros(conviction.shape))


def _without_funding(candles: RunCandles) -> RunCandles:
    return replace(candles, funding_e8=np.full_like(candles.funding_e8, NO_RATE))


def _steady(settings: TradingSettings, *, mode: str, sizing: str, sides: str = "long") -> TradingSettings:
    decision = {"enter": ALWAYS, "leave": -9.0, "sides": sides, "mode": mode, "stop_sigmas": 0.0, "take_sigmas": 0.0}
    decision |= {"timeframe": settings.decision.timeframe, "horizons": settings.decision.horizons}
    risk = {"sizing": sizing, "fixed_fraction": 1.0, "target_volatility": settings.risk.target_volatility}
    risk |= {"max_market_leverage": settings.risk.max_market_leverage, "leverage_cap": 20.0, "account_volatility": 0.0}
    return TradingSettings(
        decision=DecisionSettings.model_validate(decision),
        risk=RiskSettings.model_validate(risk),
        protections=ProtectionSettings(daily_loss_stop=0.0, drawdown_stop=0.0),
        execution=settings.execution.model_copy(update={"leverage": 1, "maintenance_margin": 0.0}),
    )


def _run(path: DecisionPath, candles: RunCandles, settings: TradingSettings, delay_bars: int = 0) -> EquityCurve:
    state = begin_account(candles, settings)
    run = run_path(path, candles, settings, state, delay_bars=delay_bars)
    return equity_curve(run, candles, int(state.account["equity"][0]))
