"""The daily digest: how the account stands, what was traded, and why there was no trade where there was none.

On Mondays (UTC, market time) it ends with the week.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final

import structlog

from bot.alerts.alerts import Alerts
from bot.alerts.messages import share, stamp
from bot.trading.control import Control
from bot.views.no_trade import no_trade_reasons, refusals_since
from bot.views.trade_summary import summarise
from storage.cron import next_cron_ms
from storage.ledger.queries import EquityPoint, Ledger
from strategies.bundle.fallback_strategies import is_fallback, told
from strategies.errors import SigmaError
from strategies.market import DAY_MS, UNITS_PER_QUOTE

MONDAY: Final = 0
WEEK_DAYS: Final = 7
REST_S: Final = 600.0  # real seconds between two digests: a demo market's day passes in seconds


async def digest_daily(
    control: Control, alerts: Alerts, cron: str, rest: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Note a digest whenever the cron line's market time comes; the newest missed one is made up for."""
    noted_ms = await alerts.ask(alerts.outbox.latest_ms, "digest")
    due_ms = next_cron_ms(cron, control.clock.now_ms() if noted_ms is None else noted_ms)
    while True:
        await control.clock.sleep_until(due_ms)
        now_ms = control.clock.now_ms()
        try:
            payload = await asyncio.to_thread(digest, control, now_ms)
            await alerts.note("digest", f"digest:{due_ms}", payload, now_ms)
        except SigmaError as error:
            structlog.get_logger("alerts").error("digest not written", error=str(error))
        await rest(REST_S)
        due_ms = next_cron_ms(cron, control.clock.now_ms())


def digest(control: Control, now_ms: int) -> dict[str, Any]:
    """Return the digest of the last 24 hours as plain JSON; `text` and `lines` are for people. Asks the database."""
    ledger, snapshot = control.ledger, control.snapshot
    day_ago_ms = now_ms - DAY_MS
    points = ledger.equity(since_ms=day_ago_ms - DAY_MS)
    traded = summarise(ledger.trades(since_ms=day_ago_ms))
    signals = len(ledger.decisions(since_ms=day_ago_ms, signals_only=True, limit=1_000))
    refusals = refusals_since(ledger, day_ago_ms)
    deposit = ledger.account.deposit / UNITS_PER_QUOTE
    equity = snapshot.equity if snapshot else points[-1].equity if points else deposit
    change = _change(points, day_ago_ms, equity)
    lines = [
        f"equity {equity:,.2f} ({share(equity / deposit - 1, signed=True)} since the start, {_day(change)})",
        f"{traded.trades} trades closed, net {traded.net:+,.2f}; {signals} signals",
    ]
    if snapshot:
        held = ", ".join(f"{part.symbol} {part.side} {part.unrealised:+,.2f}" for part in snapshot.positions)
        lines += [f"open: {held or 'nothing'}", f"drawdown {snapshot.drawdown:.2%}, {told(snapshot.bundle_id)} decides"]
        lines += [f"why: {control.why_deciding()}"] if is_fallback(snapshot.bundle_id) else []
    lines += _checked(control) + _why_silent(control, refusals, signals, now_ms)
    if datetime.fromtimestamp(now_ms / 1000, UTC).weekday() == MONDAY:
        lines += week(ledger, now_ms, equity)
    return {
        "text": f"Digest of {stamp(now_ms)}",
        "lines": lines,
        "equity": equity,
        "day_return": change,
        "trades": traded.trades,
        "net": traded.net,
        "signals": signals,
        "refusals": refusals,
    }


def week(ledger: Ledger, now_ms: int, equity: float) -> list[str]:
    """Return what the last seven days came to: all of it, then market by market."""
    week_ago_ms = now_ms - WEEK_DAYS * DAY_MS
    trades = ledger.trades(since_ms=week_ago_ms)
    change = _change(ledger.equity(since_ms=week_ago_ms - DAY_MS), week_ago_ms, equity)
    told = "the account is younger than that" if change is None else share(change, signed=True)
    total = summarise(trades)
    lines = [f"The week: {told}; {total.trades} trades closed, net {total.net:+,.2f}"]
    for symbol in sorted({trade.symbol for trade in trades}):
        part = summarise([trade for trade in trades if trade.symbol == symbol])
        lines.append(f"{symbol}: {part.trades} trades, net {part.net:+,.2f}")
    return lines


def _checked(control: Control) -> list[str]:
    """Return what the nightly checks found last."""
    found = [control.ledger.finding(kind) for kind in ("parity", "drift")]
    return [f"{part.kind}: {part.sentence}" for part in found if part is not None]


def _why_silent(control: Control, refusals: dict[str, int], signals: int, now_ms: int) -> list[str]:
    named = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in refusals.items())
    lines = [f"refused in 24 h: {named or 'nothing'}"]
    if not signals:
        lines.append("No entry in 24 h, because:")
    for part in no_trade_reasons(control.ledger):
        conviction = "no score" if part.conviction is None else f"{part.conviction:+.2f} of {part.enter:.2f}"
        refused = f"; last refusal: {part.last_refusal}" if part.last_refusal else ""
        lines.append(f"{part.symbol}: conviction {conviction}{refused}; {part.wait_text(now_ms)}")
    return lines


def _change(points: list[EquityPoint], day_ago_ms: int, equity: float) -> float | None:
    before = [point.equity for point in points if point.ms <= day_ago_ms]
    return equity / before[-1] - 1 if before and before[-1] > 0 else None


def _day(change: float | None) -> str:
    return "less than a day old" if change is None else f"{share(change, signed=True)} in 24 h"
