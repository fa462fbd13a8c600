"""What the daemon is doing, as one document: `GET /api/status`, `sigma status`, the stream's status events."""

from __future__ import annotations

from typing import Any

from bot.trading.control import Control
from bot.trading.snapshot import MarketView, Snapshot
from bot.web.responses import MarketStatus, Status, TrainingState
from strategies.bundle.fallback_strategies import fallback_level_of
from strategies.market import MINUTE_MS, UNITS_PER_QUOTE


def status_of(control: Control) -> Status:
    """Return the status; money in quote, fractions as fractions, times UTC ms."""
    exchange_info, snapshot = control.exchange_info, control.snapshot
    return Status(
        exchange=exchange_info.exchange,
        market=exchange_info.market_name,
        is_demo=exchange_info.is_demo,
        account=exchange_info.account,
        speed=exchange_info.speed,
        timeframe=control.ledger.account.timeframe,
        now_ms=control.clock.now_ms(),
        is_fresh=control.is_fresh(),
        is_ready=control.is_ready(),
        feed=dict(control.feed.ready),
        training=TrainingState(**control.training.progress()),
        **({} if snapshot is None else _account(snapshot, control)),
    )


def market_status(view: MarketView) -> MarketStatus:
    """Return one market's price, conviction, threshold and last refusal."""
    return MarketStatus(
        symbol=view.symbol,
        price=view.price,
        conviction=view.conviction,
        enter=view.enter,
        expected_return=view.expected_return,
        action=view.action,
        refusal=view.refusal,
        votes=view.votes,
        decided_ms=view.decided_ms,
        last_signal=view.signal,
    )


def _account(snapshot: Snapshot, control: Control) -> dict[str, Any]:
    deposit = control.ledger.account.deposit / UNITS_PER_QUOTE
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
        "fallback_level": fallback_level_of(snapshot.bundle_id),
        "fallback_why": control.why_deciding(),
        "positions": list(snapshot.positions),
        "markets": [market_status(view) for view in snapshot.markets],
    }
