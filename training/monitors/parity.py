"""Nightly parity: a day of the tape through the backtester, and what came out beside what the ledger holds.

Scores in batch and the compiled loop, on the tape's own bars, from the state in which the day began; swaps, changed
settings and commands happen where the tape has them. Lateness and gaps do not: a backtest knows nothing of them, so
they are the causes that may explain a difference. Whatever has no cause is an alarm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Engine as Database

from storage.ledger.accounts import Account
from storage.ledger.queries import Ledger
from storage.terminal.words import counted
from strategies.bundle.bundle import Bundle
from strategies.errors import BadInput
from strategies.market import DAY_MS
from training.backtest.run_candles import moment
from training.monitors.parity_compare import Difference, compare_rounds, rounds
from training.monitors.parity_day import Cause, read_day
from training.monitors.parity_replay import replay_day
from training.monitors.parity_steps import has_changes, stepped_day


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """A day of live trading beside its backtest.

    Attributes:
        minutes: on the tape.
        fills: of the ledger.
        trades: round trips that the ledger and the backtest touched that day.
        differences: by trade, in the order of time.
        causes: what the tape holds that a backtest knows nothing of.
        cash_difference: units, at the end of the day.
    """

    day_ms: int
    minutes: int
    fills: int
    trades: int
    differences: tuple[Difference, ...]
    causes: tuple[Cause, ...]
    cash_difference: int

    @property
    def is_identical(self) -> bool:
        return not self.differences and not self.cash_difference

    @property
    def is_explained(self) -> bool:
        """Whether every difference has a cause; True when there is none."""
        if not self.differences:
            return not self.cash_difference
        return all(difference.cause for difference in self.differences)

    @property
    def sentence(self) -> str:
        """The result in words, for the digest."""
        day = moment(self.day_ms)[:10]
        if self.is_identical:
            return (
                f"{day}: live and backtest identical, {counted(self.fills, 'fill')} in {counted(self.trades, 'trade')}"
            )
        if not self.differences:
            return f"{day}: the same trades, but cash differs by {self.cash_difference} units, unexplained"
        first = self.differences[0]
        why = first.cause or "no cause on the tape"
        unexplained = sum(not difference.cause for difference in self.differences)
        rest = f"; {unexplained} unexplained" if unexplained else ""
        return (
            f"{day}: {len(self.differences)} of {self.trades} trades differ; first {first.trade} at "
            f"{moment(first.ms)}; {first.what}; {why}{rest}"
        )

    def document(self) -> dict[str, object]:
        """Return the result as plain JSON."""
        return {
            "day": moment(self.day_ms)[:10],
            "day_ms": self.day_ms,
            "identical": self.is_identical,
            "explained": self.is_explained,
            "sentence": self.sentence,
            "minutes": self.minutes,
            "fills": self.fills,
            "trades": self.trades,
            "cash_difference_units": self.cash_difference,
            "differences": [
                {"trade": part.trade, "ms": part.ms, "what": part.what, "cause": part.cause}
                for part in self.differences
            ],
            "causes": [{"ms": part.ms, "market": part.market, "what": part.what} for part in self.causes],
        }


def parity(database: Database, account: Account, day_ms: int, bundle_of: Callable[[str], Bundle]) -> Parity:
    """Replay the UTC day that begins at `day_ms` and compare.

    Args:
        database: read only.
        account: whose day.
        day_ms: 00:00 UTC.
        bundle_of: returns the bundle of an id, verified.

    Raises:
        BadInput: the day is not on the tape, or has no state to set out from.
        StorageFailed: an archived day is missing.
    """
    if day_ms % DAY_MS:
        raise BadInput(f"{moment(day_ms)} is not the beginning of a UTC day")
    if has_changes(database, account, day_ms):
        return _stepped(database, account, day_ms, bundle_of)
    day = read_day(database, account, day_ms, bundle_of)
    facts, state = replay_day(day)
    ledger = Ledger(database, account)
    live = ledger.facts(day.start_ms, day.end_ms)
    symbols = tuple(market.symbol for market in day.candles.markets)
    written, replayed = rounds(live, symbols), rounds(facts, symbols)
    return Parity(
        day_ms=day_ms,
        minutes=day.minutes,
        fills=sum(part.fills for part in written.values()),
        trades=len(written | replayed),
        differences=tuple(compare_rounds(written, replayed, day.causes)),
        causes=day.causes,
        cash_difference=_cash(live, day.cash) - int(state.account["cash"][0]),
    )


def _stepped(database: Database, account: Account, day_ms: int, bundle_of: Callable[[str], Bundle]) -> Parity:
    """Compare a day on which markets changed with its replay through the engine, which sees all that live saw."""
    day = stepped_day(database, account, day_ms, bundle_of)
    live = Ledger(database, account).facts(max(day_ms, account.start_ms), day_ms + DAY_MS)
    written, replayed = rounds(live, day.symbols), rounds(day.facts, day.symbols)
    return Parity(
        day_ms=day_ms,
        minutes=day.minutes,
        fills=sum(part.fills for part in written.values()),
        trades=len(written | replayed),
        differences=tuple(compare_rounds(written, replayed, ())),
        causes=(),
        cash_difference=_cash(live, day.begun) - day.cash,
    )


def _cash(live: np.ndarray, begun: int) -> int:
    return begun + int(live["cash_flow"].sum())
