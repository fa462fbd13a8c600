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
from strategies.kernel.books import Bars, Scores
from strategies.kernel.decisions import decide
from strategies.kernel.execution import CommandCode, apply_command, settle_bar, settle_minute
from strategies.kernel.loop import run
from strategies.kernel.settings import TradingSettings
from strategies.kernel.state import DECISION, FACT, MARKET, NO_RATE
from strategies.market import HOUR_MS, MINUTE_MS, Timeframe


def warm() -> None:
    """Compile (or load) every compiled function with the argument types that its callers use; changes nothing else."""
    state = AccountState.begin(markets=1, deposit=10**12, start_ms=0)
    books = state.books(_markets(), TradingSettings().rules(), np.zeros(64, FACT))
    bars, present, funding = np.full((1, 5), 1_000), np.ones(1, np.bool_), np.full(1, NO_RATE)
    zeros, decisions = np.zeros(1), np.zeros(1, DECISION)
    scores = Scores(zeros, zeros, zeros, zeros, zeros, zeros, ~present)
    count = settle_bar(books, 0, 0, bars[0], int(funding[0]), 0)
    count = settle_minute(books, 0, bars, present, funding, count)
    count = apply_command(books, int(CommandCode.PAUSE), -1, 0, count)
    smooth(state.memory, zeros, 0.1)
    decide(books, scores, False, HOUR_MS, decisions, count)
    opens, rows = np.full(1, MINUTE_MS), np.zeros(1, np.int64)
    stretch = Bars(opens, bars.reshape(1, 1, 5), present.reshape(1, 1), funding.reshape(1, 1), rows)
    table = Scores(*(part.reshape(1, 1) for part in scores))
    run(state, books.markets, books.rules, bars=stretch, scores=table, bar_ms=MINUTE_MS)
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
