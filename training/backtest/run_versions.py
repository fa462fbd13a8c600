"""A run whose markets join, change and leave when a ledger says so: the backtest of an account with its own membership.

Between two changes everything is as in any run: batch scores and the compiled loop. At a change the account is moved by
`strategies.membership`, the very function that moves it live. What a market had of memory before it joined is warmed on
its candles up to there, and a book is measured over those that belong to it, both as the engine does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

import numpy as np

from strategies.bundle.bundle import Bundle
from strategies.bundle.warm_up import warm_memory
from strategies.kernel import loop
from strategies.kernel.account import AccountState
from strategies.kernel.books import Scores
from strategies.kernel.loop import RunResult
from strategies.kernel.portfolio import book_deviation
from strategies.kernel.settings import TradingSettings
from strategies.kernel.state import FACT, MEMORY
from strategies.market import DAY_MS, OPEN_MS, Market, Timeframe
from strategies.membership import NO_CANDLES, Membership
from strategies.minute import Command
from training.backtest.decision_path import DecisionPath, path_of_scores, scores_of
from training.backtest.run import begin_account
from training.backtest.run_candles import RunCandles

Change = tuple[int, Command]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """What happens to an account's markets in a run.

    Attributes:
        begun: markets of the first minute, by index.
        changes: (open of the minute, lifecycle command), ascending, in the order of the tape.
    """

    begun: tuple[Market, ...]
    changes: tuple[Change, ...]

    def versions(self, open_ms: np.ndarray) -> list[tuple[int, tuple[Market, ...]]]:
        """Return (first bar, markets by index from there on), statuses as the ledger has them."""
        markets, found = self.begun, [(0, self.begun)]
        for ms, command in self.changes:
            assert command.spec is not None
            markets = (*markets[: command.market], command.spec, *markets[command.market + 1 :])
            found.append((int(np.searchsorted(open_ms, ms)), markets))
        return found

    def finest(self) -> tuple[Market, ...]:
        """Return every market that ever belonged to it, on a grid that all of its versions lie on."""
        grids = dict(enumerate(self.begun))
        for _, command in self.changes:
            assert command.spec is not None
            known = grids.get(command.market, command.spec)
            tick, lot = min(known.tick, command.spec.tick), min(known.lot, command.spec.lot)
            grids[command.market] = replace(command.spec, tick=tick, lot=lot, status=self.begun[0].status)
        return tuple(grids[index] for index in sorted(grids))


def run_versions(bundle: Bundle, candles: RunCandles, settings: TradingSettings, lifecycle: Lifecycle) -> RunResult:
    """Run a bundle over candles on `lifecycle.finest()` markets while markets come, change and go.

    Args:
        bundle: decides throughout.
        candles: of every market that ever belonged to the account.
        settings: of the account.
        lifecycle: what happens when.
    """
    candles = replace(candles, present=candles.present & _belongs(candles, lifecycle))
    path = _path(bundle, candles, settings, lifecycle)
    begun = replace_markets(candles, lifecycle.begun)
    state = begin_account(begun, settings)
    timeframe = settings.decision.timeframe
    membership = Membership(lifecycle.begun, settings, [NO_CANDLES] * len(lifecycle.begun), timeframe)
    pieces, facts, changes = [], [np.zeros(0, FACT)], list(lifecycle.changes)
    times = [candles.start_ms, *sorted({ms for ms, _ in changes}), candles.end_ms]
    for since_ms, until_ms in pairwise(times):
        low, high = np.searchsorted(candles.open_ms, (since_ms, until_ms))
        now = [command for ms, command in changes if ms == since_ms]
        state, changed = _change(membership, state, now, since_ms, candles)
        facts.append(changed)
        if high > low:
            piece = _window(membership, path, candles, settings, state, int(low), int(high))
            state = piece.state
            pieces.append(piece)
            facts.append(piece.facts)
    return RunResult(
        facts=np.concatenate(facts),
        decisions=np.concatenate([_widened(piece.decisions, len(candles.markets)) for piece in pieces]),
        equity=np.concatenate([piece.equity for piece in pieces]),
        exposure=np.concatenate([piece.exposure for piece in pieces]),
        state=state,
    )


def replace_markets(candles: RunCandles, markets: tuple[Market, ...]) -> RunCandles:
    """Return candles that name other markets; for what counts markets only."""
    return replace(candles, markets=markets)


def _belongs(candles: RunCandles, lifecycle: Lifecycle) -> np.ndarray:
    """Return (n, M) bool: who is a member at each bar."""
    belongs = np.zeros(candles.present.shape, bool)
    for first, markets in lifecycle.versions(candles.open_ms):
        belongs[first:] = False
        belongs[first:, : len(markets)] = [market.is_member for market in markets]
    return belongs


def _change(
    membership: Membership, state: AccountState, commands: Sequence[Command], ms: int, candles: RunCandles
) -> tuple[AccountState, np.ndarray]:
    facts, count = np.zeros(64 + 16 * len(commands), FACT), 0
    for command in commands:
        if command.kind == "join":
            known = candles.decision_candles[command.market]
            command = replace(command, given=known[known[:, OPEN_MS] < ms][-1:])
        state, count = membership.apply(command, state, ms, facts, count)
    return state, facts[:count]


def _window(
    membership: Membership,
    path: DecisionPath,
    candles: RunCandles,
    settings: TradingSettings,
    state: AccountState,
    low: int,
    high: int,
) -> RunResult:
    count, rows = len(membership.markets), path.rows[low:high]
    decided = rows[rows >= 0]
    first, end = (int(decided[0]), int(decided[-1]) + 1) if len(decided) else (0, 0)
    rules = membership.rules.copy()
    rules["horizon_bars"] = path.hold_bars
    all_bars = candles.stretch(np.where(rows >= 0, rows - first, -1), slice(low, high))
    bars = all_bars._replace(
        prices=_on_grids(all_bars.prices[:, :count], candles.markets, membership.markets),
        present=all_bars.present[:, :count],
        funding_e8=all_bars.funding_e8[:, :count],
    )
    scores = Scores(*(part[first:end, :count] for part in path.scores(settings.risk)))
    return loop.run(state, membership.records, rules, bars=bars, scores=scores, bar_ms=candles.bar.ms)


def _on_grids(bars: np.ndarray, finest: Sequence[Market], markets: Sequence[Market]) -> np.ndarray:
    """Return bars counted in the ticks and lots that hold in a window; exact, for prices on that grid."""
    counted = bars.copy()
    for index, market in enumerate(markets):
        fine = finest[index]
        _scale(counted[:, index, :4], Fraction(fine.tick) / Fraction(market.tick))
        size = Fraction(fine.lot * fine.contract_size) / Fraction(market.lot * market.contract_size)
        _scale(counted[:, index, 4:], size)
    return counted


def _scale(values: np.ndarray, ratio: Fraction) -> None:
    if ratio != 1:
        values[:] = np.rint(values * ratio.numerator / ratio.denominator).astype(np.int64)


def _widened(decisions: np.ndarray, count: int) -> np.ndarray:
    wide = np.zeros((len(decisions), count), decisions.dtype)
    wide[:, : decisions.shape[1]] = decisions
    return wide


def _path(bundle: Bundle, candles: RunCandles, settings: TradingSettings, lifecycle: Lifecycle) -> DecisionPath:
    """Return every decision's inputs; memories begin where their markets do, books hold members alone."""
    timeframe, ms = candles.timeframe, _closes(candles)
    alpha = 2.0 / (settings.decision.smoothing_span + 1)
    begins = dict.fromkeys(range(len(lifecycle.begun)), candles.start_ms)
    warm = [(candles.start_ms, index) for index in begins]
    warm += [(at_ms, command.market) for at_ms, command in lifecycle.changes if command.kind == "join"]
    records = np.zeros(len(candles.markets), MEMORY)
    resets = [
        (int(np.searchsorted(ms, at_ms, side="right")), index, _warmed(bundle, candles, index, at_ms, alpha))
        for at_ms, index in warm
    ]
    return path_of_scores(
        bundle,
        candles,
        ms,
        scores_of(bundle, candles, ms),
        memory=records,
        resets=resets,
        alpha=alpha,
        book=_books(candles, ms, timeframe, lifecycle),
    )


def _closes(candles: RunCandles) -> np.ndarray:
    step_ms = candles.timeframe.ms
    return np.arange(candles.start_ms + step_ms, candles.end_ms + 1, step_ms, dtype=np.int64)


def _warmed(bundle: Bundle, candles: RunCandles, index: int, at_ms: int, alpha: float) -> np.void:
    known = candles.decision_candles[index]
    before = known[known[:, OPEN_MS] < at_ms]
    record: np.void = warm_memory(bundle, before, candles.timeframe, candles.markets[index].symbol, alpha)[0]
    return record


def _books(candles: RunCandles, ms: np.ndarray, timeframe: Timeframe, lifecycle: Lifecycle) -> np.ndarray:
    """Return (d,) the book's deviation over the members at each decision."""
    versions = lifecycle.versions(candles.open_ms)
    first_ms = np.array([int(candles.open_ms[min(first, len(candles.open_ms) - 1)]) for first, _ in versions])
    known: dict[tuple[int, tuple[bool, ...]], float] = {}
    found = np.empty(len(ms))
    for row, close_ms in enumerate(ms):
        markets = versions[int(np.searchsorted(first_ms, close_ms - candles.bar.ms, side="right")) - 1][1]
        members, day = tuple(market.is_member for market in markets), int(close_ms) // DAY_MS
        if (day, members) not in known:
            series = candles.decision_candles[: len(members)]
            own = [part if belongs else NO_CANDLES for part, belongs in zip(series, members, strict=True)]
            known[day, members] = book_deviation(own, day * DAY_MS, timeframe)
        found[row] = known[day, members]
    return found
