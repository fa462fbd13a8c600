"""What the daemon is doing, as one document: the API's `GET /api/status`, `sigma status` and the page."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from bot.control import Control
from bot.snapshot import MarketView, Snapshot
from strategies.market import MINUTE_MS


def status_document(control: Control) -> dict[str, Any]:
    """Return the status; money in quote, fractions as fractions, times UTC ms."""
    place, snapshot = control.place, control.snapshot
    document: dict[str, Any] = {
        "exchange": place.exchange,
        "market": place.market_name,
        "is_demo": place.is_demo,
        "account": place.account,
        "speed": place.speed,
        "now_ms": control.clock.now_ms(),
        "is_fresh": control.is_fresh(),
        "is_ready": control.is_ready(),
        "feed": dict(control.feed.ready),
        "training": control.training.progress(),
    }
    if snapshot is not None:
        document |= _account(snapshot, control)
    return document


def _account(snapshot: Snapshot, control: Control) -> dict[str, Any]:
    deposit = control.ledger.account.deposit / 1e8
    return {
        "minute_ms": snapshot.minute_ms,
        "candle_age_s": max(0.0, (control.clock.now_ms() - snapshot.minute_ms - MINUTE_MS) / 1000),
        "equity": snapshot.equity,
        "cash": snapshot.cash,
        "deposit": deposit,
        "total_return": snapshot.equity / deposit - 1,
        "day_return": snapshot.day_return,
        "drawdown": snapshot.drawdown,
        "gross_leverage": snapshot.gross_leverage,
        "trades": snapshot.trades,
        "paused": snapshot.paused,
        "day_locked": snapshot.day_locked,
        "drawdown_locked": snapshot.drawdown_locked,
        "bundle": snapshot.bundle_id,
        "positions": [asdict(position) for position in snapshot.positions],
        "markets": [market_document(view) for view in snapshot.markets],
    }


def market_document(view: MarketView) -> dict[str, Any]:
    """Return one market's price, conviction, threshold and last refusal."""
    return {
        "symbol": view.symbol,
        "price": view.price,
        "conviction": view.conviction,
        "enter": view.enter,
        "expected_return": view.expected_return,
        "action": view.action,
        "refusal": view.refusal,
        "votes": view.votes,
        "decided_ms": view.decided_ms,
        "last_signal": None if view.signal is None else asdict(view.signal),
    }
