"""An account that lives through a run day by day, each day under the choice it is given, in the kernel that trades.

Days begin at 00:00 UTC. A choice made at a midnight is heard by the decisions after it, the first one an hour later on
hourly candles; what the decision of that very midnight ordered stands. Under the default choice alone it is the fixed
rule: the same facts, the same equity, whatever days it was cut into.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Self

import numpy as np

from strategies.kernel.account import AccountState
from strategies.kernel.books import Scores
from strategies.kernel.loop import RunResult
from strategies.kernel.settings import TradingSettings
from strategies.kernel.state import FactKind
from strategies.market import DAY_MS, MarketStatus
from training.backtest.decision_path import DecisionPath
from training.backtest.roster import Roster
from training.backtest.run import begin_account
from training.backtest.run_candles import RunCandles
from training.backtest.run_roster import RosterRun
from training.sizing.levels import Choice

FIXED: Final = Choice()


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """A run of one account, and what is said at each of its decisions.

    Attributes:
        path: see `DecisionPath`.
        candles: see `RunCandles`.
        settings: the fixed rule.
        records: (M,) MARKET, where markets differ in what trading them costs; None: as the settings say.
        borders: (D + 1,) int64: the first bar of each of D days, and the end.
        unit_values: (M,) float64: cash units of one lot at one tick.
    """

    path: DecisionPath
    candles: RunCandles
    settings: TradingSettings
    records: np.ndarray | None
    borders: np.ndarray
    unit_values: np.ndarray
    _said: dict[Choice, Scores] = field(default_factory=dict)

    @classmethod
    def of(
        cls, path: DecisionPath, candles: RunCandles, settings: TradingSettings, records: np.ndarray | None = None
    ) -> Self:
        """Return the book of a run."""
        opens = candles.open_ms
        starts = np.flatnonzero((opens % DAY_MS == 0) | (opens == opens[0]))
        return cls(
            path=path,
            candles=candles,
            settings=settings,
            records=records,
            borders=np.append(starts, len(opens)).astype(np.int64),
            unit_values=np.array([market.unit_value for market in candles.markets], np.float64),
        )

    @property
    def days(self) -> int:
        return len(self.borders) - 1

    def said(self, choice: Choice) -> Scores:
        """Return the scores of the whole run under a choice; they are kept."""
        heard = Choice(least=choice.least) if choice.gross else Choice(gross=0.0)
        if heard not in self._said:
            self._said[heard] = heard.scores(self.path.scores(self.settings.risk))
        return self._said[heard]

    def roster(self) -> Roster:
        """Return who belongs to the run when."""
        if self.candles.roster is not None:
            return self.candles.roster
        everybody = frozenset(market.symbol for market in self.candles.markets)
        return Roster(times_ms=(self.candles.start_ms,), members=(everybody,), ends_ms={})


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where an account stands before a day: enough to go on from it as if nothing had been interrupted.

    Attributes:
        day: that comes next.
        state: of the account.
        statuses: see `RosterRun`.
        exposure: gross notional over equity.
        returns, turnovers: (day,) float64: log returns and traded notional over equity of the days before.
    """

    day: int
    state: AccountState
    statuses: tuple[MarketStatus, ...] | None
    exposure: float
    returns: np.ndarray
    turnovers: np.ndarray


class BookAccount:
    """The account in progress.

    Args:
        book: that it trades.
        standing: where to go on; None: a new account, flat, before the first day.
    """

    def __init__(self, book: Book, standing: Standing | None = None) -> None:
        self.book = book
        self.day = 0 if standing is None else standing.day
        self.exposure = 0.0 if standing is None else standing.exposure
        self.returns, self.turnovers = np.zeros(book.days), np.zeros(book.days)
        self._run = RosterRun(
            roster=book.roster(),
            candles=book.candles,
            settings=book.settings,
            state=begin_account(book.candles, book.settings) if standing is None else standing.state,
            rows=book.path.rows,
            scores=book.said(FIXED),
            records=book.records,
            horizon_bars=book.path.hold_bars,
        )
        self._settings: dict[Choice, TradingSettings] = {}
        if standing is not None:
            self.returns[: self.day], self.turnovers[: self.day] = standing.returns, standing.turnovers
            self._run.at, self._run.statuses = int(book.borders[self.day]), standing.statuses

    @property
    def state(self) -> AccountState:
        return self._run.state

    @property
    def is_over(self) -> bool:
        """Whether no day is left."""
        return self.day >= self.book.days

    @property
    def members(self) -> int:
        """How many markets shared the equity in the last window; at least one."""
        statuses = self._run.statuses or ()
        return max(1, sum(status is not MarketStatus.GONE for status in statuses))

    def live(self, choice: Choice, days: int = 1) -> RunResult:
        """Trade some days under one choice and return what happened.

        Raises:
            ValueError: so many days are not left.
        """
        run, day = self._run, self.day
        if not 0 < days <= self.book.days - day:
            raise ValueError(
                f"{self.book.days - day} of the run's {self.book.days} days are left and {days} are asked for"
            )
        if choice not in self._settings:
            self._settings[choice] = choice.settings(self.book.settings)
        before = int(run.state.account["equity"][0])
        run.settings, run.scores = self._settings[choice], self.book.said(choice)
        found = run.until(int(self.book.borders[day + days]))
        part = slice(day, day + days)
        ends = found.equity[self.book.borders[day + 1 : day + days + 1] - self.book.borders[day] - 1]
        equity = np.maximum(np.append(before, ends), 1)  # (days + 1,)
        self.returns[part] = np.log(equity[1:] / equity[:-1])
        self.turnovers[part] = self._traded(found.facts, part) / equity[:-1]
        self.exposure = float(found.exposure[-1])
        self.day += days
        return found

    def standing(self) -> Standing:
        """Return where the account stands now; living on changes nothing in it."""
        return Standing(
            day=self.day,
            state=self._run.state.copy(),
            statuses=self._run.statuses,
            exposure=self.exposure,
            returns=self.returns[: self.day].copy(),
            turnovers=self.turnovers[: self.day].copy(),
        )

    def _traded(self, facts: np.ndarray, part: slice) -> np.ndarray:
        """Return the notional that was filled on each of some days, units."""
        fills = facts[facts["kind"] == FactKind.FILL]
        notional = np.abs(fills["lots"]) * fills["price"] * self.book.unit_values[fills["market"]]
        begins = self.book.candles.open_ms[self.book.borders[part]]
        which = np.searchsorted(begins, fills["ms"], side="right") - 1
        return np.bincount(which, notional, len(begins))


def fixed_standings(book: Book) -> tuple[Sequence[Standing], np.ndarray]:
    """Return where the account of the fixed rule stands before each day, and its (D,) log returns."""
    account, found = BookAccount(book), []
    while not account.is_over:
        found.append(account.standing())
        account.live(FIXED)
    return found, account.returns
