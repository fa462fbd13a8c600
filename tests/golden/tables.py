"""Golden tables: bars, orders and expected facts drawn as text that a person can check with a pencil.

A row is `minute | open high low close | do | expect`; `-` for the prices is an absent bar; `#` begins a comment.
`do` happens after the bar (`long 2`, `short 1`, `hold 3`, `flat`, `pause`, `close`, …), except `funding 0.01%`, which
settles at its open.
`expect` lists the bar's facts in order: `buy 100.02`, `stop 96.98`, `funding -0.01`, `lock drawdown`, `missed late`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from strategies.kernel.account import AccountState
from strategies.kernel.books import Books
from strategies.kernel.execution import CommandCode, apply_command, place_order, settle_minute
from strategies.kernel.state import FACT, MARKET, NO_RATE, RULES, FactKind, Reason
from strategies.market import MINUTE_MS, UNITS_PER_QUOTE

TICK: Final = 0.01
BRACKETS: Final = {Reason.STOP, Reason.TAKE, Reason.TRAIL, Reason.LIQUIDATION}
FORCED: Final = {Reason.DAILY_LOSS, Reason.DRAWDOWN, Reason.COMMAND, Reason.KILL_SWITCH}
NOON_MS: Final = 20_000 * 86_400_000 + 12 * 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Costs and brackets of a table, as fractions; 1 lot = 1 piece, 1 tick = 0.01 quote."""

    stop: float = 0.0
    take: float = 0.0
    trail: float = 0.0
    slippage: float = 0.0
    fee: float = 0.0
    leverage: int = 1
    maintenance: float = 0.0
    liquidation_fee: float = 0.0
    deposit: float = 1_000.0
    daily_loss_stop: float = 0.0
    drawdown_stop: float = 0.0
    block_minutes: int = 0
    start_ms: int = NOON_MS


class Table:
    """One account of one market, played row by row."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        deposit = round(terms.deposit * UNITS_PER_QUOTE)
        self.state = AccountState.begin(markets=1, deposit=deposit, start_ms=terms.start_ms)
        self.facts = np.zeros(1000, FACT)
        self.markets, self.rules = np.zeros(1, MARKET), np.zeros(1, RULES)
        self.markets["unit_value"], self.markets["leverage"] = round(TICK * UNITS_PER_QUOTE), terms.leverage
        for field in ("fee", "slippage", "maintenance", "liquidation_fee"):
            self.markets[f"{field}_e8"] = _e8(getattr(terms, field))
        self.rules["daily_loss_stop"], self.rules["drawdown_stop"] = terms.daily_loss_stop, terms.drawdown_stop
        self.rules["block_ms"] = terms.block_minutes * MINUTE_MS

    @property
    def books(self) -> Books:
        return self.state.books(self.markets, self.rules, self.facts)

    def play(self, rows: str) -> list[str]:
        """Play all rows; return `minute: facts` of every row whose facts differ from what it expects."""
        wrong = []
        for line in rows.strip().splitlines():
            row = line.split("#")[0].strip()
            if not row:
                continue
            minute, prices, do, expect = (part.strip() for part in (row + " | | |").split("|")[:4])
            found = self._play_row(int(minute), prices, [each.strip() for each in do.split(",") if each.strip()])
            if found != [each.strip() for each in expect.split(",") if each.strip()]:
                wrong.append(f"{minute}: {', '.join(found)}")
        return wrong

    def _play_row(self, minute: int, prices: str, actions: list[str]) -> list[str]:
        open_ms = self.terms.start_ms + minute * MINUTE_MS
        present = prices != "-"
        bar = [round(float(price) / TICK) for price in prices.split()] if present else [0] * 4
        rates = [_e8(float(each.split()[1].rstrip("%")) / 100) for each in actions if each.startswith("funding")]
        bars, rates = np.array([[*bar, 1]]), rates or [NO_RATE]
        count = settle_minute(self.books, open_ms, bars, np.array([present]), np.array(rates), 0)
        for action in actions:
            count = self._act(action.split(), open_ms, count)
        return [text(fact) for fact in self.facts[:count]]

    def _act(self, words: list[str], open_ms: int, count: int) -> int:
        state, kind = self.state, words[0]
        lots = int(words[1]) if len(words) > 1 and kind != "funding" else 1
        targets = {"long": lots, "short": -lots, "hold": lots, "flat": 0}
        if kind in targets:
            reason = Reason.SIGNAL if targets[kind] else Reason.FADED
            brackets = [_e8(each) for each in (self.terms.stop, self.terms.take, self.terms.trail)]
            due_ms = open_ms + MINUTE_MS
            place_order(state.orders, 0, targets[kind], due_ms, due_ms, int(reason), *brackets)
        elif kind != "funding":
            count = apply_command(self.books, int(CommandCode[kind.upper()]), -1, open_ms, count)
        return count


def text(fact: np.void) -> str:
    """Return a fact as a golden table writes it."""
    kind, reason = FactKind(int(fact["kind"])), Reason(int(fact["reason"]))
    if kind is FactKind.FILL:
        side = "buy" if fact["lots"] > 0 else "sell"
        name = reason.name.lower() if reason in BRACKETS | FORCED else side
        return f"{name} {fact['price'] * TICK:.2f}"
    if kind is FactKind.FUNDING:
        late = "late " if reason is Reason.LATE else ""
        return f"{late}funding {fact['cash_flow'] / UNITS_PER_QUOTE:+.8f}".rstrip("0").rstrip(".")
    return f"{kind.name.lower()} {reason.name.lower()}"


def _e8(fraction: float) -> int:
    return round(fraction * 100_000_000)
