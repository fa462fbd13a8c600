"""The accounts of this daemon: what each is worth, who decides there, and below which address it answers."""

from __future__ import annotations

from typing import Final

from aiohttp import web
from pydantic import BaseModel

from bot.trading.control import Control
from bot.web.app_keys import ACCOUNTS
from bot.web.operations import Operations

operations: Final = Operations("account")


class AccountLine(BaseModel):
    """One account, in short."""

    name: str
    path: str  # put before every path of the API; "": it is the first one, which answers everywhere else
    equity: float | None  # at the last marks, quote currency; null before the first minute
    open_positions: int
    markets: int
    bundle: str | None
    minute_ms: int | None
    is_ready: bool


class Accounts(BaseModel):
    """All of them, the first one first."""

    accounts: list[AccountLine]


@operations.get("/api/accounts")
async def accounts(request: web.Request) -> Accounts:
    """Return the accounts that this daemon trades, the one of `[account]` first."""
    controls = request.app[ACCOUNTS]
    return Accounts(accounts=[_line(control, is_first=control is controls[0]) for control in controls])


def _line(control: Control, *, is_first: bool) -> AccountLine:
    snapshot, name = control.snapshot, control.ledger.account.name
    return AccountLine(
        name=name,
        path="" if is_first else f"/accounts/{name}",
        equity=None if snapshot is None else snapshot.equity,
        open_positions=0 if snapshot is None else len(snapshot.positions),
        markets=len(control.members),
        bundle=None if snapshot is None else snapshot.bundle_id,
        minute_ms=None if snapshot is None else snapshot.minute_ms,
        is_ready=control.is_ready(),
    )
