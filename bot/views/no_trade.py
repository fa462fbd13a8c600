"""No-trade reasons: each market's conviction, its threshold, its last refusal and the usual wait between entries.

Read from the ledger, so it can also be told before the first decision after a restart. Every call asks the
database: run it in a thread.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Final

from storage.ledger.queries import Ledger, RecordedDecision
from strategies.explain.signals import Refusal
from strategies.kernel.state import Action, RefusalCode
from strategies.market import HOUR_MS
from strategies.values import finite

LOOK_BACK: Final = 200  # decisions searched for the last refusal
ENTRIES: Final = 100  # newest entries whose distances make the usual wait
FEWEST_ENTRIES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class NoTrade:
    """One market at its last decision. Times UTC ms, 0 where there was none."""

    symbol: str
    conviction: float | None
    enter: float
    action: str
    decided_ms: int
    last_refusal: str | None  # a sentence with the values that decided
    refused_ms: int
    entries: int  # signals given so far, at most `ENTRIES`
    last_entry_ms: int
    usual_wait_h: float | None  # median hours from one entry to the next; None: too few entries to say

    def wait_text(self, now_ms: int) -> str:
        """Return "usually 31 h between entries, last 14 h ago"."""
        last = f", last {_hours((now_ms - self.last_entry_ms) / HOUR_MS)} ago" if self.last_entry_ms else ""
        if self.usual_wait_h is None:
            entries = "1 entry" if self.entries == 1 else f"{self.entries} entries"
            return f"{entries} so far, too few to know the usual wait{last}"
        return f"usually {_hours(self.usual_wait_h)} between entries{last}"


def no_trade_reasons(ledger: Ledger, symbols: Collection[str] | None = None) -> list[NoTrade]:
    """Return the reasons of the members among `symbols`, in the account's order; None: of every member."""
    stopped = ledger.stopped()
    enter = stopped.settings.decision.enter
    return [
        _no_trade(ledger, market.symbol, enter)
        for market in stopped.markets
        if market.is_member and (symbols is None or market.symbol in symbols)
    ]


def refusals_since(ledger: Ledger, since_ms: int) -> dict[str, int]:
    """Return how often each refusal was given since a time, the most frequent first."""
    decisions = ledger.decisions(since_ms=since_ms, limit=5_000)
    codes = [RefusalCode(int(decision.record["refusal"])) for decision in decisions]
    counts = {code.name.lower(): codes.count(code) for code in RefusalCode if code is not RefusalCode.NONE}
    return dict(sorted(((name, count) for name, count in counts.items() if count), key=lambda pair: -pair[1]))


def refusal_sentence(decision: RecordedDecision, enter: float) -> str | None:
    """Return why a decision entered nothing, with its values; None where nothing was refused."""
    record = decision.record
    code = RefusalCode(int(record["refusal"]))
    if code is RefusalCode.NONE:
        return None
    refusal = Refusal(
        symbol=decision.symbol,
        decision_ms=decision.ms,
        code=code,
        conviction=float(record["conviction"]),
        enter=enter,
        expected_return=finite(record["expected_return"]),
        cost=float(record["cost"]),
    )
    return refusal.sentence


def _no_trade(ledger: Ledger, symbol: str, enter: float) -> NoTrade:
    decisions = ledger.decisions(symbol=symbol, limit=LOOK_BACK)
    entries = [entry.ms for entry in ledger.decisions(symbol=symbol, signals_only=True, limit=ENTRIES)]
    refused = next((part for part in decisions if part.record["refusal"] != RefusalCode.NONE), None)
    last = decisions[0] if decisions else None
    gaps = [(later - earlier) / HOUR_MS for later, earlier in pairwise(entries)]
    return NoTrade(
        symbol=symbol,
        conviction=None if last is None else finite(last.record["conviction"]),
        enter=enter,
        action="none yet" if last is None else Action(int(last.record["action"])).name.lower(),
        decided_ms=0 if last is None else last.ms,
        last_refusal=None if refused is None else refusal_sentence(refused, enter),
        refused_ms=0 if refused is None else refused.ms,
        entries=len(entries),
        last_entry_ms=entries[0] if entries else 0,
        usual_wait_h=median(gaps) if len(entries) >= FEWEST_ENTRIES else None,
    )


def _hours(hours: float) -> str:
    return f"{hours / 24:,.1f} d" if hours >= 72 else f"{hours:,.0f} h" if hours >= 1 else f"{hours * 60:,.0f} min"
