"""The daily digest: how the account stands, what was traded, and why there was no trade where there was none.

On Mondays (UTC, market time) it ends with the week.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

import structlog

from bot.alerts.alerts import Alerts
from bot.alerts.digest_lines import lines_of, week_lines
from bot.alerts.numbers import stamp
from bot.trading.answered import answered
from bot.trading.control import Control
from bot.trading.snapshot import Snapshot
from bot.views.no_trade import no_trade_reasons, refusals_since
from bot.views.status import deposit_of
from bot.views.trade_summary import summarise
from storage.cron import next_cron_ms
from storage.language import speaking
from storage.ledger.monitor_findings import MonitorFinding
from storage.ledger.queries import EquityPoint, Ledger
from strategies.bundle.fallback_names import is_fallback
from strategies.errors import SigmaError
from strategies.kernel.round_trips import resized
from strategies.market import DAY_MS

MONDAY: Final = 0
WEEK_DAYS: Final = 7
REST_S: Final = 600.0  # real seconds between two digests: a demo market's day passes in seconds


async def digest_daily(
    control: Control, alerts: Alerts, cron: str, rest: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Note a digest whenever the cron line's market time comes; the newest missed one is made up for."""
    noted_ms = await answered(alerts.outbox.latest_ms, "digest")
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
    """Return the digest of the last 24 hours as plain JSON; `text` and `lines` say it in English. Asks the database."""
    ledger, snapshot = control.ledger, control.snapshot
    day_ago_ms = now_ms - DAY_MS
    points = ledger.equity(since_ms=day_ago_ms - DAY_MS)
    traded = summarise(ledger.trades(since_ms=day_ago_ms))
    deposit = deposit_of(control)
    equity = snapshot.equity if snapshot else points[-1].equity if points else deposit
    payload: dict[str, Any] = {
        "ms": now_ms,
        "equity": equity,
        "total_return": equity / deposit - 1,
        "day_return": _change(points, day_ago_ms, equity),
        "trades": traded.trades,
        "net": traded.net,
        "rebalances": resized(ledger.facts(day_ago_ms)),
        "signals": len(ledger.decisions(since_ms=day_ago_ms, signals_only=True, limit=1_000)),
        "refusals": refusals_since(ledger, day_ago_ms),
        "account": _account(control, snapshot),
        "checks": [[part.kind, part.sentence] for part in _findings(control)],
        "markets": [asdict(part) for part in no_trade_reasons(ledger)],
        "week": week_figures(ledger, now_ms, equity) if _is_monday(now_ms) else None,
    }
    with speaking("en"):
        lines = lines_of(payload)
    return {"text": f"Digest of {stamp(now_ms)}", "lines": lines} | payload


def week(ledger: Ledger, now_ms: int, equity: float) -> list[str]:
    """Return what the last seven days came to, in lines: all of it, then market by market."""
    return week_lines(week_figures(ledger, now_ms, equity))


def week_figures(ledger: Ledger, now_ms: int, equity: float) -> dict[str, Any]:
    """Return the figures of the last seven days."""
    week_ago_ms = now_ms - WEEK_DAYS * DAY_MS
    trades = ledger.trades(since_ms=week_ago_ms)
    total = summarise(trades)
    markets = []
    for symbol in sorted({trade.symbol for trade in trades}):
        part = summarise([trade for trade in trades if trade.symbol == symbol])
        markets.append([symbol, part.trades, part.net])
    change = _change(ledger.equity(since_ms=week_ago_ms - DAY_MS), week_ago_ms, equity)
    return {"change": change, "trades": total.trades, "net": total.net, "markets": markets}


def _account(control: Control, snapshot: Snapshot | None) -> dict[str, Any]:
    if snapshot is None:
        return {}
    return {
        "open": [[part.symbol, part.side, part.net] for part in snapshot.positions],
        "drawdown": snapshot.drawdown,
        "bundle": snapshot.bundle_id,
        "why": control.why_active() if is_fallback(snapshot.bundle_id) else "",
    }


def _findings(control: Control) -> list[MonitorFinding]:
    """Return what the nightly checks found last."""
    found = [control.ledger.finding(kind) for kind in ("parity", "drift")]
    return [part for part in found if part is not None]


def _is_monday(now_ms: int) -> bool:
    return datetime.fromtimestamp(now_ms / 1000, UTC).weekday() == MONDAY


def _change(points: list[EquityPoint], day_ago_ms: int, equity: float) -> float | None:
    before = [point.equity for point in points if point.ms <= day_ago_ms]
    return equity / before[-1] - 1 if before and before[-1] > 0 else None
