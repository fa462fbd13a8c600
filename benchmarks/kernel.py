"""How fast the execution kernel is: market-bars per second on one core, all rules on.

Three markets on one account, one-minute bars, a decision every 60 bars (trend of the closes, so that positions open,
close, reverse and are stopped), fees, slippage, funding, stop, take, trail, liquidation, every protection. Beside it
vectorbt's order simulation on the same closes, when it is installed; it has no funding, sizing by volatility or
protections.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from benchmarks.figures import Figure, parser, show
from benchmarks.minutes import Minutes, load
from strategies.errors import SigmaError
from strategies.kernel.account import AccountState
from strategies.kernel.books import Bars, Scores
from strategies.kernel.loop import RunResult, run
from strategies.kernel.settings import DecisionSettings, ProtectionSettings, TradingSettings
from strategies.kernel.state import NO_RATE
from strategies.market import HOUR_MS, MINUTE_MS

DEPOSIT = 10_000 * 100_000_000
ROUNDS = 15
FUNDING_INTERVAL_MS = 8 * HOUR_MS


def main() -> int:
    """Measure and print; return the exit code."""
    arguments = parser("kernel", "Market-bars per second of the execution kernel on one core.")
    arguments.add_argument(
        "--candles", type=Path, default=Path("../shared/data/candles"), help="folder of 1m parquet files"
    )
    options = arguments.parse_args()
    try:
        minutes = load(options.candles)
    except SigmaError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    started = time.perf_counter()
    simulate = simulation(minutes)
    result = simulate()
    first_s = time.perf_counter() - started
    market_bars = minutes.bars.shape[0] * minutes.bars.shape[1]
    figures = [
        Figure(
            name="market_bars_per_s",
            value=market_bars / best_s(simulate),
            unit="1/s",
            goal=">= 50e6",
            rival="vectorbt",
            rival_value=_vectorbt_rate(minutes),
        ),
        Figure(name="market_bars", value=market_bars, unit=f"{minutes.source} 1m bars x markets"),
        Figure(name="facts", value=len(result.facts), unit="fills, fundings, locks"),
        Figure(name="bars_in_market", value=float((result.exposure > 0).mean()), unit="fraction"),
        Figure(name="first_run_s", value=first_s, unit="s with compiling or loading"),
    ]
    show("kernel", figures, as_json=options.json)
    return 0


def simulation(minutes: Minutes) -> Callable[[], RunResult]:
    """Return a function that runs one account over all minutes."""
    settings = TradingSettings(
        decision=DecisionSettings(mode="discrete", enter=1.0, trail_sigmas=3.0),
        protections=ProtectionSettings(max_open_positions=len(minutes.markets), cooldown_after_loss_h=1),
    )
    state = AccountState.begin(markets=len(minutes.markets), deposit=DEPOSIT, start_ms=int(minutes.open_ms[0]))
    markets, rules, (bars, scores) = settings.market_records(minutes.markets), settings.rules(), _inputs(minutes)
    return lambda: run(state, markets, rules, bars=bars, scores=scores, bar_ms=MINUTE_MS)


def _inputs(minutes: Minutes) -> tuple[Bars, Scores]:
    """Return what `loop.run` reads: decisions by the 24 h trend in deviations, at every full hour."""
    shape = minutes.bars.shape[:2]
    decided = np.flatnonzero((minutes.open_ms + MINUTE_MS) % HOUR_MS == 0)
    rows = np.full(shape[0], -1)
    rows[decided] = np.arange(len(decided))
    closes = np.log(minutes.closes[decided])  # (hours, M)
    trend = np.zeros_like(closes)
    trend[24:] = closes[24:] - closes[:-24]
    conviction = 1.5 * trend / trend.std(axis=0)
    funding = np.full(shape, NO_RATE)
    funding[minutes.open_ms % FUNDING_INTERVAL_MS == 0] = 10_000
    flat = np.full(conviction.shape, 1.0)
    bars = Bars(minutes.open_ms, minutes.bars, np.ones(shape, np.bool_), funding, rows)
    return bars, Scores(
        conviction=conviction,
        expected_return=conviction * 0.01,
        sigma=flat * 0.006,
        volatility=flat * 0.6,
        agreement=flat * 0.0,
        strength=flat * np.nan,
        not_ready=np.zeros(conviction.shape, np.bool_),
    )


def best_s(function: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the shortest of several runs: the one that other processes disturbed least."""
    elapsed = []
    for _ in range(rounds):
        started = time.perf_counter()
        function()
        elapsed.append(time.perf_counter() - started)
    return min(elapsed)


def _vectorbt_rate(minutes: Minutes) -> float | None:
    """Return vectorbt's market-bars per second on the same closes and entries, or None when it is not installed."""
    if find_spec("vectorbt") is None:
        return None
    import vectorbt

    bars, scores = _inputs(minutes)
    sides = np.zeros(minutes.closes.shape)
    decided = bars.decision_rows >= 0
    sides[decided] = np.sign(np.where(np.abs(scores.conviction) >= 1.0, scores.conviction, 0.0))

    def simulate() -> object:
        return vectorbt.Portfolio.from_signals(
            minutes.closes,
            entries=sides > 0,
            short_entries=sides < 0,
            fees=0.0005,
            slippage=0.0002,
            sl_stop=0.05,
            tp_stop=0.10,
            cash_sharing=True,
            group_by=True,
        )

    simulate()  # compiles
    return minutes.closes.size / best_s(simulate, rounds=3)


if __name__ == "__main__":
    raise SystemExit(main())
