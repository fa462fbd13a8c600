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
    path: str | None = Field(
        description="before every path of the API, where this daemon answers for it; null: another"
    )
    markets: int = Field(0, description="that belong to it, where this daemon trades it")
    is_ready: bool = Field(False, description="whether its feed is unbroken and fresh, where this daemon trades it")
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
    """The accounts of this database, this daemon's own first, the one that is asked foremost."""

    accounts: list[AccountSummary]


def accounts_of(control: Control, beside: tuple[Control, ...] = ()) -> Accounts:
    """Return all accounts. Asks the database: run it in a thread.

    Args:
        control: of the account that is asked.
        beside: all of its daemon, the one that answers without a path first; (): it is the only one.
    """
    own = {part.ledger.account.id: part for part in beside or (control,)}
    order = list(own)
    known = all_accounts(control.ledger.database)[:MOST_ACCOUNTS]
    asked = control.ledger.account.id
    known.sort(key=lambda part: (part.id != asked, order.index(part.id) if part.id in own else len(order), part.name))
    paths = {number: "" if number == order[0] else f"/accounts/{own[number].ledger.account.name}" for number in order}
    return Accounts(accounts=[_summary(control, part, own.get(part.id), paths.get(part.id)) for part in known])


def _summary(control: Control, account: Account, own: Control | None, path: str | None) -> AccountSummary:
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
        is_own=own is not None,
        path=path,
        markets=0 if own is None else len(own.members),
        is_ready=own is not None and own.is_ready(),
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
