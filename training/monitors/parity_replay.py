"""The backtester over a day of the tape: one decision path, the compiled loop, events where the tape has them."""

from __future__ import annotations

from itertools import pairwise
from typing import TypeVar

import numpy as np

from strategies.bundle.bundle import Bundle
from strategies.engine import COMMAND_CODES
from strategies.kernel import loop
from strategies.kernel.account import AccountState
from strategies.kernel.decisions import decide
from strategies.kernel.execution import apply_command
from strategies.kernel.settings import TradingSettings
from strategies.kernel.state import DECISION, FACT
from strategies.market import MINUTE_MS
from strategies.minute import Command
from training.backtest.decision_path import DecisionPath
from training.monitors.parity_day import Day
from training.monitors.spliced_path import Reign, spliced_path

Value = TypeVar("Value", Bundle, TradingSettings)


def replay_day(day: Day) -> tuple[np.ndarray, AccountState]:
    """Return the facts of the day and the state after it."""
    path = spliced_path(day.candles, reigns_of(day), day.memory)
    state, facts = day.state.copy(), []
    for low, high, settings in _pieces(day):
        commands = [command for ms, command in day.commands if ms == day.candles.open_ms[high - 1]]
        run = _run(day, path, settings, state, low, high, decides=not commands)
        state = run.state
        facts.append(run.facts)
        if commands:
            facts.append(_apply(day, path, settings, state, high - 1, commands))
    state.memory[:] = path.memory
    return np.concatenate(facts), state


def reigns_of(day: Day) -> list[Reign]:
    """Return who decides from which decision candle on: a change takes effect at the close that follows it."""
    timeframe = day.candles.timeframe
    times = sorted({ms for ms, _ in (*day.bundles, *day.settings)})
    return [(timeframe.open_of(ms), _at(day.bundles, ms), _at(day.settings, ms)) for ms in times]


def _at(changes: tuple[tuple[int, Value], ...], ms: int) -> Value:
    return [value for since_ms, value in changes if since_ms <= ms][-1]


def _pieces(day: Day) -> list[tuple[int, int, TradingSettings]]:
    """Return runs of bars [low, high) in which nothing happens but at the end: commands, or new settings after it."""
    opens = day.candles.open_ms
    ends = {int(ms) + MINUTE_MS for ms, _ in day.commands} | {ms for ms, _ in day.settings[1:]}
    borders = [0, *sorted(int(np.searchsorted(opens, ms)) for ms in ends), len(opens)]
    return [(low, high, _at(day.settings, int(opens[low]))) for low, high in pairwise(borders) if high > low]


def _run(
    day: Day, path: DecisionPath, settings: TradingSettings, state: AccountState, low: int, high: int, *, decides: bool
) -> loop.RunResult:
    """Run bars; unless `decides`, the decision that the last bar completes is left to the caller."""
    candles, rows = day.candles, path.rows[low:high].copy()
    if not decides:
        rows[-1] = -1
    return loop.run(
        state,
        settings.market_records(candles.markets),
        path.rules(settings, candles.bar.ms),
        open_ms=candles.open_ms[low:high],
        bars=candles.bars[low:high],
        present=candles.present[low:high],
        funding_e8=candles.funding_e8[low:high],
        decision_rows=rows,
        conviction=path.conviction,
        expected_return=path.expected_return,
        sigma=path.sigma,
        volatility=path.sizing_volatility(settings.risk),
        agreement=path.agreement,
        bar_ms=candles.bar.ms,
        not_ready=~path.ready,
    )


def _apply(
    day: Day, path: DecisionPath, settings: TradingSettings, state: AccountState, bar: int, commands: list[Command]
) -> np.ndarray:
    """Apply a minute's commands after its marks, then take the decision it completes, as the engine does."""
    candles, rules = day.candles, path.rules(settings, day.candles.bar.ms)
    facts, count = np.zeros(64 + 16 * len(candles.markets), FACT), 0
    for command in commands:
        count = apply_command(
            state.account,
            state.positions,
            state.orders,
            rules,
            COMMAND_CODES[command.kind],
            command.market,
            int(candles.open_ms[bar]),
            facts,
            count,
        )
    row = int(path.rows[bar])
    if row >= 0:
        count = decide(
            state.account,
            state.positions,
            state.orders,
            settings.market_records(candles.markets),
            rules,
            path.conviction[row],
            path.expected_return[row],
            path.sigma[row],
            path.sizing_volatility(settings.risk)[row],
            path.agreement[row],
            ~path.ready[row] | ~candles.present[bar],
            False,
            int(candles.open_ms[bar]) + candles.bar.ms,
            np.zeros(len(candles.markets), DECISION),
            facts,
            count,
        )
    return facts[:count]
