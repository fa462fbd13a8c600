"""Accounts: all that share this database, each with what it earned, so that one page shows several bots."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from bot.trading.control import Control
from bot.values.view import View
from storage.ledger.accounts import Account, all_accounts
from storage.ledger.queries import Ledger
from strategies.errors import SigmaError
from strategies.market import UNITS_PER_QUOTE, Timeframe

POINTS: Final = 60  # of the small curve
MOST_ACCOUNTS: Final = 50


class AccountSummary(View):
    """One account as its ledger has it. Its own daemon commands it, where it is another one."""

    name: str
    exchange: str
    timeframe: Timeframe
    is_own: bool = Field(description="whether this daemon trades it")
    started_ms: int
    minute_ms: int | None = Field(description="its last account minute; null: none yet")
    deposit: float
    equity: float
    total_return: float
    trades: int = Field(description="closed")
    positions: int = Field(description="open")
    decides: str = Field(description="the bundle, or the fallback strategy")
    curve: list[float] = Field(description="equity at its last decisions, oldest first")
    problem: str = Field("", description="why it cannot be read")


class Accounts(View):
    """The accounts of this database, this daemon's own first."""

    accounts: list[AccountSummary]


def accounts_of(control: Control) -> Accounts:
    """Return all accounts. Asks the database: run it in a thread."""
    own = control.ledger.account
    known = all_accounts(control.ledger.database)[:MOST_ACCOUNTS]
    found = [_summary(control, account, is_own=account.id == own.id) for account in known]
    return Accounts(accounts=sorted(found, key=lambda part: (not part.is_own, part.exchange, part.name)))


def _summary(control: Control, account: Account, *, is_own: bool) -> AccountSummary:
    deposit = account.deposit / UNITS_PER_QUOTE
    ledger = Ledger(control.ledger.database, account)
    points = [point.equity for point in ledger.equity(limit=POINTS)]
    equity = points[-1] if points else deposit
    minute_ms, trades, positions, decides, problem = None, 0, 0, "", ""
    try:
        stopped = ledger.stopped()
        minute_ms, decides = stopped.minute_ms, stopped.bundle_id
        equity = int(stopped.state.account[0]["equity"]) / UNITS_PER_QUOTE
        trades = int(stopped.state.account[0]["trades"])
        positions = int((stopped.state.positions["lots"] != 0).sum())
    except SigmaError as error:
        problem = str(error)
    return AccountSummary(
        name=account.name,
        exchange=account.exchange,
        timeframe=account.timeframe,
        is_own=is_own,
        started_ms=account.start_ms,
        minute_ms=minute_ms,
        deposit=deposit,
        equity=equity,
        total_return=equity / deposit - 1.0 if deposit else 0.0,
        trades=trades,
        positions=positions,
        decides=decides,
        curve=points,
        problem=problem,
    )
