"""Engine: one account minute in, what became of it out. Pure, and the only way anything is ever traded.

The live trader, the replay that verifies the ledger and the nightly parity check call `Engine.step`; the backtest's
compiled loop calls the same compiled functions, scores in batch. Knows nothing of exchanges, databases or clocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from strategies.bundle.bundle import Bundle, PreparedSlice
from strategies.bundle.ensemble import smooth
from strategies.bundle.warm_up import NOTHING_SCORED, ScoredCloses, warm_memory
from strategies.errors import BadInput
from strategies.history import CandleHistory
from strategies.kernel.account import AccountState
from strategies.kernel.books import Books, Scores
from strategies.kernel.decisions import decide
from strategies.kernel.execution import apply_command, settle_bar, settle_minute
from strategies.kernel.momentum import strengths
from strategies.kernel.portfolio import BookScale
from strategies.kernel.settings import TradingSettings
from strategies.kernel.state import DECISION, FACT
from strategies.market import MINUTE_MS, OPEN_MS, CandleArray, Market
from strategies.membership import Membership
from strategies.minute import AccountMinute, Command, Outcome
from strategies.scoring import Scorer, score_newest
from strategies.universe.slippage import with_slippage

COMMAND_CODES: Final = {"pause": 1, "resume": 2, "close": 3, "stop": 4, "unlock": 5}


class Engine:
    """An account's markets, positions and memory, moved forward one minute at a time."""

    def __init__(
        self,
        *,
        markets: tuple[Market, ...],
        settings: TradingSettings,
        bundle: Bundle,
        state: AccountState,
        candles: list[CandleArray],
        score: Scorer = score_newest,
    ) -> None:
        """Build the engine from where it stopped.

        Args:
            markets: the account's markets in their fixed order.
            settings: decides what candles become; changed only between runs.
            bundle: scores the markets until `swap`.
            state: owned and changed by the engine from here on.
            candles: per market (n, 6) closed decision candles up to the state's last minute, in full decision candles.
            score: scores the newest closes.
        """
        self.bundle = bundle
        self.state = state
        self.timeframe = settings.decision.timeframe
        self.membership = Membership(markets, settings, candles, self.timeframe)
        self.configure(settings)
        self._score = score
        self._book = BookScale(self.timeframe)
        self._facts = np.zeros(64 + 16 * len(markets), FACT)

    @property
    def markets(self) -> tuple[Market, ...]:
        """The account's markets in their order, those that left among them."""
        return self.membership.markets

    @property
    def histories(self) -> list[CandleHistory]:
        """The closed decision candles of every market."""
        return self.membership.histories

    def is_flat(self, index: int) -> bool:
        """Return whether nothing is held in a market, and nothing ordered."""
        return self.state.positions["lots"][index] == 0 and not self.state.orders["active"][index]

    def configure(self, settings: TradingSettings) -> None:
        """Go by other settings from the next minute on. The decision timeframe of an account is fixed.

        Raises:
            BadInput: the decision timeframe differs.
        """
        if settings.decision.timeframe != self.timeframe:
            found = settings.decision.timeframe
            raise BadInput(
                f"[decision] timeframe is {found}, this account decides on {self.timeframe}; "
                "open another [account] name"
            )
        self.settings = settings
        self.membership.configure(settings)
        self._alpha = 2.0 / (settings.decision.smoothing_span + 1)

    def swap(self, bundle: Bundle, scored: Sequence[ScoredCloses] = ()) -> None:
        """Let `bundle` decide from the next minute on; its memory is warmed on the closes already seen.

        Args:
            bundle: verified.
            scored: per market the closes that it scored beforehand, of `prepare_swap`; what is missing is scored now.
        """
        prepared = [*scored, *[NOTHING_SCORED] * (len(self.markets) - len(scored))]
        for index, part in enumerate(prepared):
            self.state.memory[index] = self._warmed(bundle, index, part)
        self.bundle = bundle

    def score_by(self, score: Scorer) -> None:
        """Score the newest closes by this from the next minute on; what it returns must have the same bits."""
        self._score = score

    def copy_candles(self) -> list[CandleArray]:
        """Return a copy of every market's closed decision candles, for work beside the account's own."""
        return [history.candles.copy() for history in self.histories]

    def fill_candle(self, minute: AccountMinute) -> None:
        """Take a minute that was settled before the last stop into the candles that are still filling; nothing else."""
        for late in minute.late_bars:
            self._fill(late.market, late.open_ms, late.bar)
        for index in np.flatnonzero(minute.present):
            self._fill(int(index), minute.open_ms, minute.bars[index])

    def _fill(self, index: int, open_ms: int, bar: np.ndarray) -> None:
        history = self.histories[index]
        if open_ms >= history.last_open_ms + self.timeframe.ms:
            history.add_minute(open_ms, bar)

    def step(self, minute: AccountMinute) -> Outcome:
        """Settle one account minute and, when it completes a decision candle, decide.

        Raises:
            ValueError: the minute is not the one after the last.
        """
        expected = int(self.state.account["last_ms"][0]) + MINUTE_MS
        if minute.open_ms != expected:
            raise ValueError(f"minute {minute.open_ms} came, minute {expected} is next")
        count = self._change_markets(minute)
        count, candles = self._settle(minute, count)
        for command in minute.commands:
            count = self._apply(command, minute.open_ms, count)
        decisions: np.ndarray | None = None
        prepared: tuple[PreparedSlice | None, ...] = (None,) * len(self.markets)
        decision_ms = minute.open_ms + MINUTE_MS
        if decision_ms % self.timeframe.ms == 0:
            decisions, prepared, count = self._decide(minute, decision_ms, count)
        account = self.state.account[0]
        return Outcome(
            minute_ms=minute.open_ms,
            facts=self._facts[:count].copy(),
            decisions=decisions,
            prepared=prepared,
            candles=tuple(candles),
            equity=int(account["equity"]),
            cash=int(account["cash"]),
            gross=self._gross(),
            markets=self.markets,
        )

    @property
    def _books(self) -> Books:
        return self.membership.books(self.state, self._facts)

    def _change_markets(self, minute: AccountMinute) -> int:
        """Let markets join, change and leave, before the minute's bars."""
        commands = [command for command in minute.commands if command.is_lifecycle]
        needed = 16 * (len(minute.late_bars) + len(minute.bars) + len(commands)) + 64
        if needed > len(self._facts):
            self._facts = np.zeros(needed, FACT)
        count = 0
        for command in commands:
            self.state, count = self.membership.apply(command, self.state, minute.open_ms, self._facts, count)
            if command.kind == "join":
                self.state.memory[command.market] = self._warmed(self.bundle, command.market, NOTHING_SCORED)
        return count

    def _settle(self, minute: AccountMinute, count: int) -> tuple[int, list[tuple[int, np.ndarray]]]:
        books, candles = self._books, []
        for late in minute.late_bars:
            count = settle_bar(books, late.market, late.open_ms, late.bar, late.funding_e8, count)
            closed = self.histories[late.market].add_minute(late.open_ms, late.bar)
            candles += [(late.market, candle) for candle in closed]
        count = settle_minute(books, minute.open_ms, minute.bars, minute.present, minute.funding_e8, count)
        for index in np.flatnonzero(minute.present):
            closed = self.histories[index].add_minute(minute.open_ms, minute.bars[index])
            candles += [(int(index), candle) for candle in closed]
        return count, candles

    def _apply(self, command: Command, open_ms: int, count: int) -> int:
        if command.kind not in COMMAND_CODES:
            return count
        return int(apply_command(self._books, COMMAND_CODES[command.kind], command.market, open_ms, count))

    def _decide(
        self, minute: AccountMinute, decision_ms: int, count: int
    ) -> tuple[np.ndarray, tuple[PreparedSlice | None, ...], int]:
        """Score the closed candles of every ready market and let the compiled rules act on the scores."""
        ready = self._ready(minute, decision_ms)
        scored, prepared = self._score(self.bundle, self.markets, self.histories, ready, self.timeframe)
        smooth(self.state.memory, scored.blended, self._alpha)
        conviction = np.where(ready, self.bundle.conviction(self.state.memory["smoothed"], scored.joined), np.nan)
        decisions, candles = np.zeros(len(ready), DECISION), self.membership.candles_of_members()
        decisions["voters"], decisions["votes"] = scored.votes.shape[1], np.nan
        decisions["votes"][:, : scored.votes.shape[1]] = scored.votes
        self.membership.rules["horizon_bars"] = self.bundle.hold_bars  # what expected returns speak of
        scores = Scores(
            conviction=conviction,
            expected_return=self.bundle.expected_return(conviction, scored.sigma),
            sigma=scored.sigma,
            volatility=scored.volatility * self._book.at(decision_ms, candles, self.settings.risk),
            agreement=self.bundle.agreement(conviction, scored.joined),
            strength=self._strengths(decision_ms, candles),
            not_ready=~ready,
        )
        count = decide(self._books, scores, minute.late, decision_ms, decisions, count)
        return decisions, prepared, int(count)

    def _strengths(self, decision_ms: int, candles: list[CandleArray]) -> np.ndarray:
        """Return the markets' momentum where it has a share; NaN where nobody asks."""
        if not self.settings.decision.momentum_share:
            return np.full(len(candles), np.nan)
        return strengths(candles, decision_ms, self.timeframe)

    def _ready(self, minute: AccountMinute, decision_ms: int) -> np.ndarray:
        newest = np.array([history.last_open_ms for history in self.histories])
        ready = (newest == decision_ms - self.timeframe.ms) & minute.present
        found: np.ndarray = ready if minute.not_ready is None else ready & ~minute.not_ready
        return found

    def _warmed(self, bundle: Bundle, index: int, scored: ScoredCloses) -> np.void:
        """Return the MEMORY record of a market; one that has left remembers nothing."""
        candles, market = self.histories[index].candles, self.markets[index]
        known = candles if market.is_member else candles[:0]
        record: np.void = warm_memory(bundle, known, self.timeframe, market.symbol, self._alpha, scored)[0]
        return record

    def _gross(self) -> int:
        values = self.state.positions["lots"] * self.state.positions["mark"] * self.membership.records["unit_value"]
        return int(np.abs(values).sum())


def begin(
    *,
    markets: tuple[Market, ...],
    settings: TradingSettings,
    bundle: Bundle,
    candles: list[CandleArray],
    start_ms: int,
    score: Scorer = score_newest,
) -> Engine:
    """Return the engine of a new account whose first minute opens at `start_ms`, deposit made and memory warmed.

    Args:
        markets: the account's markets in their fixed order.
        settings: `execution.initial_capital` is the deposit.
        bundle: the first to decide.
        candles: per market (n, 6) closed decision candles before `start_ms`.
        start_ms: a decision boundary, so that the first decision candle is whole.
        score: scores the newest closes.
    """
    timeframe = settings.decision.timeframe
    if start_ms % timeframe.ms:
        raise ValueError(f"start {start_ms} is not on the {timeframe} grid")
    deposit = round(settings.execution.initial_capital * 100_000_000)
    known = [part[part[:, OPEN_MS] < start_ms] for part in candles]
    markets = tuple(
        with_slippage(market, part, timeframe, start_ms, settings.execution)
        for market, part in zip(markets, known, strict=True)
    )
    state = AccountState.begin(markets=len(markets), deposit=deposit, start_ms=start_ms)
    engine = Engine(markets=markets, settings=settings, bundle=bundle, state=state, candles=known, score=score)
    engine.swap(bundle)
    return engine
