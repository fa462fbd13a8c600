"""Snapshot: what the daemon knows right now, one immutable value that web, Telegram and metrics read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from storage.ledger.journal import Alert
from storage.ledger.queries import OpenPosition, open_position
from strategies.bundle.bundle import PreparedSlice
from strategies.engine import Engine
from strategies.explain.opinions import Opinion, opinions_of
from strategies.explain.signals import Signal
from strategies.kernel.state import Action, RefusalCode
from strategies.market import MINUTE_MS, UNITS_PER_QUOTE
from strategies.minute import AccountMinute, Outcome
from strategies.values import finite


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketView:
    """One market at its last decision. Fractions, not percentages; NaN becomes None."""

    symbol: str
    index: int  # in the account
    status: str  # trading, halted or leaving
    price: float
    conviction: float | None
    enter: float  # conviction that opens a position
    full: float  # … and that of a full one
    expected_return: float | None
    volatility: float | None  # annual, at the last decision
    action: str
    refusal: str | None
    votes: dict[str, float | None]
    decided_ms: int
    signal: Signal | None  # the last LONG or SHORT
    opinions: Mapping[str, Opinion]  # by family: its vote read as if it decided alone


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveCandle:
    """A decision candle as of a minute. Prices in quote, volume in base; for display while `is_closed` is false."""

    symbol: str
    open_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    is_closed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The account after a minute. Money in quote."""

    minute_ms: int
    equity: float
    cash: float
    gross_leverage: float
    peak_equity: float
    day_return: float
    drawdown: float
    trades: int
    paused: bool
    day_locked: bool
    drawdown_locked: bool
    bundle_id: str
    positions: tuple[OpenPosition, ...]
    markets: tuple[MarketView, ...]
    prepared: tuple[PreparedSlice | None, ...]  # of a decision taken in this minute; let go with the next one
    present: tuple[bool, ...]
    candles: tuple[LiveCandle, ...] = ()  # those this minute completed, and those it went into
    alerts: tuple[Alert, ...] = ()  # of this minute
    took_s: float = 0.0  # from the minute's arrival to its ledger entry

    def view(self, symbol: str) -> MarketView | None:
        """Return one market; None: it is no member."""
        return next((view for view in self.markets if view.symbol == symbol), None)


def snapshot_of(
    engine: Engine,
    outcome: Outcome,
    minute: AccountMinute,
    signals: dict[int, Signal],
    before: Snapshot | None = None,
    alerts: Sequence[Alert] = (),
    took_s: float = 0.0,
) -> Snapshot:
    """Return the snapshot after `outcome`; what no decision changed is carried over from `before`."""
    account = engine.state.account[0]
    equity, peak, day = int(account["equity"]), int(account["peak_equity"]), int(account["day_equity"])
    return Snapshot(
        minute_ms=outcome.minute_ms,
        equity=equity / UNITS_PER_QUOTE,
        cash=outcome.cash / UNITS_PER_QUOTE,
        gross_leverage=outcome.gross / equity if equity > 0 else 0.0,
        peak_equity=peak / UNITS_PER_QUOTE,
        day_return=equity / day - 1 if day > 0 else 0.0,
        drawdown=1 - equity / peak if peak > 0 else 0.0,
        trades=int(account["trades"]),
        paused=bool(account["paused"]),
        day_locked=int(account["day_locked"]) == (outcome.minute_ms + MINUTE_MS) // 86_400_000,
        drawdown_locked=bool(account["drawdown_locked"]),
        bundle_id=engine.bundle.id,
        positions=tuple(
            open_position(record, market)
            for record, market in zip(engine.state.positions, engine.markets, strict=True)
            if record["lots"] != 0
        ),
        markets=_markets(engine, outcome, signals, before),
        prepared=outcome.prepared,
        present=tuple(bool(value) for value in minute.present),
        candles=_candles(engine, outcome),
        alerts=tuple(alerts),
        took_s=took_s,
    )


def _candles(engine: Engine, outcome: Outcome) -> tuple[LiveCandle, ...]:
    symbols = [market.symbol for market in engine.markets]
    closed = [_candle(symbols[index], row, is_closed=True) for index, row in outcome.candles]
    filling = [
        _candle(symbol, row, is_closed=False)
        for symbol, history in zip(symbols, engine.histories, strict=True)
        if (row := history.filling) is not None
    ]
    return (*closed, *filling)


def _candle(symbol: str, row: np.ndarray, *, is_closed: bool) -> LiveCandle:
    opened, high, low, close, volume = (float(value) for value in row[1:])
    return LiveCandle(
        symbol=symbol,
        open_ms=int(row[0]),
        open=opened,
        high=high,
        low=low,
        close=close,
        volume=volume,
        is_closed=is_closed,
    )


def _markets(
    engine: Engine, outcome: Outcome, signals: dict[int, Signal], before: Snapshot | None
) -> tuple[MarketView, ...]:
    earlier = {} if before is None else {view.index: view for view in before.markets}
    views = []
    for index, market in enumerate(engine.markets):
        if not market.is_member:
            continue
        price = float(market.price(int(engine.state.positions["mark"][index])))
        known = earlier.get(index)
        if outcome.decisions is not None:
            signal = signals.get(index) or (None if known is None else known.signal)
            views.append(_decided(engine, index, outcome.decisions[index], price, signal))
        elif known is not None:
            views.append(replace(known, price=price, status=market.status.value))
        else:
            views.append(_undecided(engine, index, price))
    return tuple(views)


def _decided(engine: Engine, index: int, record: np.void, price: float, signal: Signal | None) -> MarketView:
    families, market = engine.bundle.manifest.families, engine.markets[index]
    refusal = RefusalCode(int(record["refusal"]))
    return MarketView(
        symbol=market.symbol,
        index=index,
        status=market.status.value,
        price=price,
        conviction=finite(record["conviction"]),
        enter=engine.settings.decision.opens_at,
        full=engine.settings.decision.enter,
        expected_return=finite(record["expected_return"]),
        volatility=finite(record["volatility"]),
        action=Action(int(record["action"])).name.lower(),
        refusal=None if refusal is RefusalCode.NONE else refusal.name.lower(),
        votes={family: finite(vote) for family, vote in zip(families, record["votes"], strict=False)},
        decided_ms=int(record["ms"]),
        signal=signal,
        opinions=opinions_of(record, market, engine.bundle),
    )


def _undecided(engine: Engine, index: int, price: float) -> MarketView:
    market = engine.markets[index]
    return MarketView(
        symbol=market.symbol,
        index=index,
        status=market.status.value,
        price=price,
        conviction=None,
        enter=engine.settings.decision.opens_at,
        full=engine.settings.decision.enter,
        expected_return=None,
        volatility=None,
        action="hold",
        refusal=None,
        votes={},
        decided_ms=0,
        signal=None,
        opinions={},
    )
