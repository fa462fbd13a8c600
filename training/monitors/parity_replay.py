"""The backtester over a day of the tape: one decision path, the compiled loop, events where the tape has them."""

from __future__ import annotations

from itertools import pairwise
from typing import TypeVar

import numpy as np

from strategies.bundle.bundle import Bundle
from strategies.engine import COMMAND_CODES
from strategies.kernel import loop
from strategies.kernel.account import AccountState
from strategies.kernel.books import Scores
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
        bars=candles.stretch(rows, slice(low, high)),
        scores=path.scores(settings.risk),
        bar_ms=candles.bar.ms,
    )


def _apply(
    day: Day, path: DecisionPath, settings: TradingSettings, state: AccountState, bar: int, commands: list[Command]
) -> np.ndarray:
    """Apply a minute's commands after its marks, then take the decision it completes, as the engine does."""
    candles, rules = day.candles, path.rules(settings, day.candles.bar.ms)
    facts, count, open_ms = np.zeros(64 + 16 * len(candles.markets), FACT), 0, int(candles.open_ms[bar])
    books = state.books(settings.market_records(candles.markets), rules, facts)
    for command in commands:
        count = apply_command(books, COMMAND_CODES[command.kind], command.market, open_ms, count)
    row = int(path.rows[bar])
    if row >= 0:
        scores = Scores(*(part[row] for part in path.scores(settings.risk)))
        scores = scores._replace(not_ready=scores.not_ready | ~candles.present[bar])
        decisions = np.zeros(len(candles.markets), DECISION)
        count = decide(books, scores, False, open_ms + candles.bar.ms, decisions, count)
    return facts[:count]
