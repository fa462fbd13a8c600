"""A run whose markets come and go, through the kernel in windows: between two changes everything is as in any run.

Who leaves while something is held stays without entries until its exit; who ended is settled at its last price by the
function that settles a delisting live. 1/N counts the members and whoever is still leaving.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from strategies.kernel import loop
from strategies.kernel.account import AccountState
from strategies.kernel.books import Scores
from strategies.kernel.fills import emit
from strategies.kernel.loop import RunResult
from strategies.kernel.regrid import Rules, Slot, delist
from strategies.kernel.settings import TradingSettings
from strategies.kernel.state import FACT, FactKind, Reason
from strategies.market import MarketStatus
from training.backtest.roster import Roster
from training.backtest.run_candles import RunCandles


@dataclass(slots=True, kw_only=True)
class RosterRun:
    """The run in progress.

    Attributes:
        roster: who belongs to it when.
        candles: of the run.
        settings: of the account.
        state: where it stands; changed as the run goes on.
        rows: (n,) int64, per bar the decision that its close completes, or -1.
        scores: (d, M) each, of the decisions.
        records: (M,) MARKET, where markets differ in what trading them costs; None: as the settings say.
        horizon_bars: decision candles that expected returns speak of; 0: as the settings say.
        at: the bar that comes next.
        statuses: of the markets in the window before it; None: it is the first.
    """

    roster: Roster
    candles: RunCandles
    settings: TradingSettings
    state: AccountState
    rows: np.ndarray
    scores: Scores
    records: np.ndarray | None = None
    horizon_bars: int = 0
    at: int = 0
    statuses: tuple[MarketStatus, ...] | None = None
    _kept: dict[tuple[MarketStatus, ...], np.ndarray] = field(default_factory=dict)

    def run(self) -> RunResult:
        """Run to the end of the candles."""
        return self.until(len(self.candles.open_ms))

    def until(self, bar: int) -> RunResult:
        """Run on until before a bar; run in parts, the facts and every number are those of one run.

        Raises:
            ValueError: the bar is not after where the run stands, or after the end.
        """
        if not self.at < bar <= len(self.candles.open_ms):
            raise ValueError(f"the run stands at bar {self.at} of {len(self.candles.open_ms)} and is to go to {bar}")
        pieces: list[RunResult] = []
        facts: list[np.ndarray] = []
        while self.at < bar:
            now_ms = int(self.candles.open_ms[self.at])
            statuses = self.statuses
            if statuses is None or MarketStatus.LEAVING in statuses or self.roster.next_change(now_ms - 1) == now_ms:
                statuses, changed = self._change(statuses, self.roster.at(now_ms), now_ms)
                facts.append(changed)
            stop = min(bar, self._window_end(now_ms, MarketStatus.LEAVING in statuses))
            piece = self._window(self.at, stop, statuses)
            facts.append(piece.facts)
            pieces.append(piece)
            self.state, self.statuses, self.at = piece.state, statuses, stop
        return pieces[0] if len(facts) == 1 else _together(pieces, facts)

    def _change(
        self, before: tuple[MarketStatus, ...] | None, members: frozenset[str], now_ms: int
    ) -> tuple[tuple[MarketStatus, ...], np.ndarray]:
        """Settle who ended, say who joined and left, and return every market's status from here on."""
        facts, count = np.zeros(4 * len(self.candles.markets) + 8, FACT), 0
        self.state = self.state.copy()
        statuses = [self._status(index, members) for index in range(len(self.candles.markets))]
        for index, market in enumerate(self.candles.markets):
            if self.roster.ends_ms.get(market.symbol) == now_ms:
                records, rules = self._records(tuple(statuses))
                slot = Slot(books=self.state.books(records, rules, facts), index=index)
                count = delist(slot, Rules(market=market, records=records), 0, now_ms, count)
                statuses[index] = MarketStatus.GONE
            elif before is not None and (before[index] is MarketStatus.GONE) != (statuses[index] is MarketStatus.GONE):
                kind = FactKind.LEFT if statuses[index] is MarketStatus.GONE else FactKind.JOINED
                count = emit(facts, count, kind.value, now_ms, index, Reason.UNIVERSE.value, 0)
        return tuple(statuses), facts[:count]

    def _status(self, index: int, members: frozenset[str]) -> MarketStatus:
        if self.candles.markets[index].symbol in members:
            return MarketStatus.TRADING
        order = self.state.orders[index]
        is_flat = self.state.positions[index]["lots"] == 0 and not (order["active"] and order["target"])
        return MarketStatus.GONE if is_flat else MarketStatus.LEAVING

    def _window_end(self, now_ms: int, someone_leaves: bool) -> int:
        """Return the first bar of the next window; while someone leaves, every decision is one."""
        change_ms = self.roster.next_change(now_ms)
        ends = [len(self.candles.open_ms)]
        if change_ms is not None:
            ends.append(int(np.searchsorted(self.candles.open_ms, change_ms)))
        if someone_leaves:
            step_ms = self.candles.timeframe.ms
            ends.append(int(np.searchsorted(self.candles.open_ms, now_ms - now_ms % step_ms + step_ms)))
        return min(ends)

    def _window(self, at: int, stop: int, statuses: tuple[MarketStatus, ...]) -> RunResult:
        records, rules = self._records(statuses)
        rows = self.rows[at:stop]
        decided = rows[rows >= 0]
        first, end = (int(decided[0]), int(decided[-1]) + 1) if len(decided) else (0, 0)
        return loop.run(
            self.state,
            records,
            rules,
            bars=self.candles.stretch(np.where(rows >= 0, rows - first, -1), slice(at, stop)),
            scores=Scores(*(part[first:end] for part in self.scores)),
            bar_ms=self.candles.bar.ms,
        )

    def _records(self, statuses: tuple[MarketStatus, ...]) -> tuple[np.ndarray, np.ndarray]:
        if statuses not in self._kept:
            self._kept[statuses] = self._markets(statuses)
        count = sum(status is not MarketStatus.GONE for status in statuses)
        rules = self.settings.rules(self.candles.bar.ms, members=count)
        if self.horizon_bars:
            rules["horizon_bars"] = self.horizon_bars
        return self._kept[statuses], rules

    def _markets(self, statuses: tuple[MarketStatus, ...]) -> np.ndarray:
        markets = [replace(part, status=now) for part, now in zip(self.candles.markets, statuses, strict=True)]
        records = self.settings.market_records(markets)
        if self.records is not None:
            status, records = records["status"], self.records.copy()
            records["status"] = status
        return records


def _together(pieces: Sequence[RunResult], facts: Sequence[np.ndarray]) -> RunResult:
    """Return adjacent windows as one run; `facts` are theirs and those of the changes between them."""
    return RunResult(
        facts=np.concatenate([np.zeros(0, FACT), *facts]),
        decisions=np.concatenate([piece.decisions for piece in pieces]),
        equity=np.concatenate([piece.equity for piece in pieces]),
        exposure=np.concatenate([piece.exposure for piece in pieces]),
        state=pieces[-1].state,
    )
