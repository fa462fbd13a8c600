"""Compile the kernel before it is needed.

The daemon calls `warm()` in a worker thread before its first minute, `make` after an installation. The first call
compiles everything that live and backtest use: about 11 s on one core. Later processes load the machine code in about
0.4 s from the cache: `NUMBA_CACHE_DIR`, or `__pycache__` beside the sources when that is unset; it must be writable.
"""

from __future__ import annotations

import numpy as np

from strategies.bundle.ensemble import smooth
from strategies.explain.chart_context import chart_context
from strategies.kernel.account import AccountState
from strategies.kernel.decisions import decide
from strategies.kernel.execution import CommandCode, apply_command, settle_bar, settle_minute
from strategies.kernel.loop import run
from strategies.kernel.settings import TradingSettings
from strategies.kernel.state import DECISION, FACT, MARKET, NO_RATE
from strategies.market import HOUR_MS, MINUTE_MS, Timeframe


def warm() -> None:
    """Compile (or load) every compiled function with the argument types that its callers use; changes nothing else."""
    state = AccountState.begin(markets=1, deposit=10**12, start_ms=0)
    rules, markets = TradingSettings().rules(), _markets()
    facts, decisions, scores = np.zeros(64, FACT), np.zeros(1, DECISION), np.zeros(1)
    bars, present, funding = np.full((1, 5), 1_000), np.ones(1, np.bool_), np.full(1, NO_RATE)
    kernel = (state.account, state.positions, state.orders, markets, rules)
    count = settle_bar(*kernel, 0, 0, bars[0], int(funding[0]), facts, 0)
    count = settle_minute(*kernel, 0, bars, present, funding, facts, count)
    count = apply_command(
        state.account, state.positions, state.orders, rules, int(CommandCode.PAUSE), -1, 0, facts, count
    )
    smooth(state.memory, scores, 0.1)
    decide(*kernel, scores, scores, scores, scores, scores, ~present, False, HOUR_MS, decisions, facts, count)
    table = scores.reshape(1, 1)
    run(
        state,
        markets,
        rules,
        open_ms=np.full(1, MINUTE_MS),
        bars=bars.reshape(1, 1, 5),
        present=present.reshape(1, 1),
        funding_e8=funding.reshape(1, 1),
        decision_rows=np.zeros(1, np.int64),
        conviction=table,
        expected_return=table,
        sigma=table,
        volatility=table,
        agreement=table,
        bar_ms=MINUTE_MS,
    )
    chart_context(_candles(), Timeframe.H1)


def _markets() -> np.ndarray:
    markets = np.zeros(1, MARKET)
    markets["unit_value"], markets["min_lots"], markets["leverage"] = 1_000, 1, 3
    return markets


def _candles() -> np.ndarray:
    """Return a few hundred hours of a wave."""
    hours = np.arange(400.0)
    close = 100.0 + np.sin(hours)
    return np.column_stack([hours * HOUR_MS, close, close + 0.1, close - 0.1, close, np.ones(len(hours))])
