"""Status: market, feed, account and every market's last decision, as one value for every face."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final, Literal

from pydantic import Field

from bot.clock import wall_ms
from bot.trading.control import Control
from bot.trading.snapshot import MarketView, Snapshot
from bot.values.training import TrainingProgress
from bot.values.view import View, Votes
from bot.views.book import Book, book_of
from storage.ledger.queries import OpenPosition
from strategies.bundle.fallback_names import fallback_level_of
from strategies.bundle.fallback_policy import FallbackLevel
from strategies.explain.signals import Signal, describe_refusal
from strategies.kernel.state import RefusalCode
from strategies.market import MINUTE_MS, UNITS_PER_QUOTE, Market, Timeframe

Lock = Literal["paused", "day_locked", "drawdown_locked"]
LOCKS: Final[tuple[Lock, ...]] = ("paused", "day_locked", "drawdown_locked")
QUOTES: Final = ("USDT", "USDC", "FDUSD", "BUSD", "USD", "EUR", "TRY", "BTC")


class MarketStatus(View):
    """One market at its last decision: conviction against the threshold, or why nothing was entered."""

    symbol: str
    price: float
    conviction: float | None
    enter: float = Field(description="conviction that opens a position")
    full: float = Field(
        description="conviction of a full position; above `enter` where positions follow the conviction"
    )
    expected_return: float | None
    action: str
    refusal: str | None
    refusal_text: str | None = Field(None, description="the refusal in words")
    votes: Votes
    decided_ms: int
    last_signal: Signal | None


class Status(View):
    """What the daemon is doing. Everything about the account is null before the first candle."""

    exchange: str
    market: str
    is_demo: bool
    account: str
    currency: str = Field(description="of every amount of money; empty: markets with different quotes")
    speed: float
    slowed_to: float | None = Field(description="speed of a demo market that waits for this machine; null: its own")
    timeframe: Timeframe
    now_ms: int = Field(description="market time")
    wall_ms: int = Field(description="wall clock of the daemon")
    is_fresh: bool
    is_ready: bool
    feed: dict[str, bool]
    training: TrainingProgress
    minute_ms: int | None = None
    decided_ms: int | None = Field(None, description="the newest close at which any market was decided")
    candle_age_s: float | None = Field(None, description="market time since the last account minute closed")
    candle_age_real_s: float | None = Field(
        None, description="the same in real time: at a demo market's speed an hour lasts a moment"
    )
    equity: float | None = None
    cash: float | None = None
    deposit: float | None = None
    total_return: float | None = None
    day_return: float | None = None
    drawdown: float | None = None
    gross_leverage: float | None = None
    trades: int | None = None
    paused: bool | None = None
    day_locked: bool | None = None
    drawdown_locked: bool | None = None
    bundle: str | None = None
    fallback_level: FallbackLevel | None = Field(
        None, description="who decides: a bundle, or a fallback strategy in its place"
    )
    fallback_why: str | None = Field(None, description="why that one decides")
    can_roll_back: bool = Field(False, description="whether there is a champion to roll back")
    book: Book | None = Field(None, description="positions and opinions of all markets together")
    positions: list[OpenPosition] = Field([])
    rests: list[str] = Field([], description="markets whose position is smaller than their smallest order")
    markets: list[MarketStatus] = Field([])

    @property
    def locks(self) -> list[Lock]:
        """What holds entries back."""
        return [name for name in LOCKS if getattr(self, name)]


def status_of(control: Control, symbols: Collection[str] | None = None) -> Status:
    """Return the status, with the markets of `symbols` and those that are held; None: all of them."""
    exchange_info, snapshot = control.exchange_info, control.snapshot
    return Status(
        exchange=exchange_info.exchange,
        market=exchange_info.market_name,
        is_demo=exchange_info.is_demo,
        account=exchange_info.account,
        currency=currency_of(control),
        speed=exchange_info.speed,
        slowed_to=control.slowed_to(),
        timeframe=control.ledger.account.timeframe,
        now_ms=control.clock.now_ms(),
        wall_ms=wall_ms(),
        is_fresh=control.is_fresh(),
        is_ready=control.is_ready(),
        feed=dict(control.feed.ready),
        training=control.training.progress(),
        can_roll_back=control.champion is not None,
        **({} if snapshot is None else _account(snapshot, control, symbols)),
    )


def market_status(view: MarketView) -> MarketStatus:
    """Return one market's price, conviction, threshold and last refusal."""
    return MarketStatus(
        symbol=view.symbol,
        price=view.price,
        conviction=view.conviction,
        enter=view.enter,
        full=view.full,
        expected_return=view.expected_return,
        action=view.action,
        refusal=view.refusal,
        refusal_text=None if view.refusal is None else describe_refusal(RefusalCode[view.refusal.upper()]),
        votes=view.votes,
        decided_ms=view.decided_ms,
        last_signal=view.signal,
    )


def deposit_of(control: Control) -> float:
    """Return what the account began with, in quote."""
    return control.ledger.account.deposit / UNITS_PER_QUOTE


def rests_of(positions: Sequence[OpenPosition], markets: Sequence[Market]) -> list[str]:
    """Return the markets of positions that are smaller than the smallest order there.

    A position that follows its conviction leaves one where it shrinks and its side stays. Nothing can be taken from it:
    it grows again, closes when the conviction turns, at its stop or target, or by a person.
    """
    least = {market.symbol: market.min_notional_units / UNITS_PER_QUOTE for market in markets}
    return [part.symbol for part in positions if part.notional < least.get(part.symbol, 0.0)]


def currency_of(control: Control) -> str:
    """Return the quote that all markets' symbols end with, "USDT"; "" where they differ."""
    symbols = [market.symbol for market in control.markets]
    return next((quote for quote in QUOTES if symbols and all(name.endswith(quote) for name in symbols)), "")


def _account(snapshot: Snapshot, control: Control, symbols: Collection[str] | None) -> dict[str, Any]:
    held = {part.symbol for part in snapshot.positions}
    deposit = deposit_of(control)
    return {
        "minute_ms": snapshot.minute_ms,
        "candle_age_s": max(0.0, (control.clock.now_ms() - snapshot.minute_ms - MINUTE_MS) / 1000),
        "candle_age_real_s": control.candle_age_s(),
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
        "fallback_why": control.why_active(),
        "book": book_of(snapshot),
        "positions": list(snapshot.positions),
        "rests": rests_of(snapshot.positions, control.markets),
        "decided_ms": max((view.decided_ms for view in snapshot.markets), default=0),
        "markets": [
            market_status(view)
            for view in snapshot.markets
            if symbols is None or view.symbol in symbols or view.symbol in held
        ],
    }
